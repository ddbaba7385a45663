-- When the next open change that waits for nothing but time may be claimed.
select min(first.not_before)
from (values (0), (1), (2)) as lanes(lane)
cross join lateral (
  select due.not_before
  from pending_ad_changes as due
  where due.world = current_setting('flywheel.world')
    and due.lane = lanes.lane
    and due.status in ('pending', 'unknown')
    and can_be_claimed(due)
  order by due.not_before, due.seq
  limit 1
) as first
