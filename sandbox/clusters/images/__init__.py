"""Container images, made from the toolchain's executables and the system's packages."""
