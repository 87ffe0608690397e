"""The image foundry: container images from the toolchain's executables and the system's packages."""
