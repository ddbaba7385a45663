"""Work on files that nobody vouches for, done in a child process that may break.

`running.run` names a function and starts `child`, which sets its own `limits`, calls it and writes its answer to a
pipe. Both sides speak JSON: nothing that a broken child writes is ever unpickled.
"""
