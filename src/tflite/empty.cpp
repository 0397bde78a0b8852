namespace atl {}
