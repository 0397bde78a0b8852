#pragma once
#include "ir/cast_op.h"  // the struct stands there because every importer needs it; the facts are in cast.cpp
