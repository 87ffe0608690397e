"""What a team does around the program: where state is kept, backups of what users submit, trying an account.

`python -m operations --help` lists it. For real accounts as much as for the sandbox; nothing here imports the sandbox,
and the program imports nothing from here.
"""
