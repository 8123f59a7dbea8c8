"""Compiled loops of the CPU renderer; numba compiles each on its first use and caches it on disk.

None starts a thread or touches Python: all release the GIL, and `lib.render.threads` runs them side
by side on parts that do not meet, so that equal inputs give equal bytes for any number of threads.
"""
