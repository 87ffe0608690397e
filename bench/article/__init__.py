"""The article's own sequence of commands beside `pulumi up`: see `bench.article.__main__`."""
