"""The debugger over predicted executions: a timeline without I/O, and a command line like pdb's on top of it."""
