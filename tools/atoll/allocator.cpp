// Settings of jemalloc, the tool's allocator: on graphs of many small nodes it takes half of the C library's time.

/// Read by jemalloc when the process starts: blocks of 4 MB and more go back to the system as soon as they are free, so that
/// the peak is what is in use.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "oversize_threshold:4194304";
}
