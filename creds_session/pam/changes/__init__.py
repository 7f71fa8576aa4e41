"""What a change of the PAM files means: who is newly refused or let in, and what no longer runs.

docs/explanation/judge.md says in plain words what is compared and what counts as a finding.
"""
