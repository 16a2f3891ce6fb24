"""The pages: each asks the daemon, shapes what it says and has it rendered."""
