"""The library behind `import blocklist`: a configuration -> jobs, answers, decisions, state.

Results are frozen and typed. Nothing here prints, ends the process or reads standard input. Each
call opens its own connection, so one `Blocklist` may be used by several threads.
"""
