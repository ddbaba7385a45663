-- When the next open change that waits for nothing but time may be claimed, the platform's quota included.
select min(greatest(first.not_before, hold.until))
from accounts as account
cross join (values (0), (1), (2)) as lanes(lane)
cross join lateral (
  select due.not_before
  from pending_ad_changes as due
  where due.world = current_setting('flywheel.world')
    and due.account_id = account.account_id
    and due.lane = lanes.lane
    and due.status in ('pending', 'unknown')
    and not due.waits
    and (
      due.lane = 2
      or due.status = 'unknown'
      or not account.frozen and (account.mode = 'auto' or account.mode = 'approve' and due.approved_at is not null)
    )
    and only_time_is_missing(due)
  order by due.not_before, due.seq
  limit 1
) as first
left join account_holds as hold
  on hold.account_id = account.account_id and (hold.refused or lanes.lane < 2)
where not account.frozen or account.pausing
