"""What the sandbox takes of the machine that it runs on: processes, control groups, files, and where these are."""
