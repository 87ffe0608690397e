"""The program, over Pulumi mocks."""
