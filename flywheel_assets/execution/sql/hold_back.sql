-- A throttled account, or with no account named a throttled app: nothing of it goes out before the
-- platform listens again, whether it is queued already or not. Our own pacing lets safety pauses through,
-- a refusal of the platform would refuse them too.
insert into account_holds as hold (account_id, until, reason, refused)
select account_id, :until, :reason, :refused
from accounts
where world = current_setting('flywheel.world')
  and (cast(:account_id as text) is null or account_id = :account_id)
order by account_id
on conflict (account_id) do update
set until = excluded.until,
    reason = excluded.reason,
    refused = excluded.refused or hold.refused and hold.until > flywheel_now()
where hold.until < excluded.until
