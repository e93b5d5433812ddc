"""What `scripts/chaos` runs: faults, one after the other, under people who write.

`options` and `schedule` are pure; `site` is the service as an operator runs it; `faults` strike
it; `writers` write through `visitor`, and note in the `ledger` what was acknowledged;
`post_office` takes the mails; `checks` compares all of it with the database in the end.
"""
