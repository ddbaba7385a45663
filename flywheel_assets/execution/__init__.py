"""The safe executor: the only code that changes anything at an ad platform.

A change enters by `enqueue`, waits in `pending_ad_changes`, is claimed by one worker, passes the
limits in the same transaction that writes its audit row, and only then is sent. What stops money:
`limits` (pure), `attempt` (under the campaign's lock), the account's mode and freeze.
"""
