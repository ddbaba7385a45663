-- When the next open change that waits for nothing but time may be claimed.
select min(due.not_before)
from pending_ad_changes as due
where due.world = current_setting('flywheel.world')
  and due.status in ('pending', 'unknown')
  and can_be_claimed(due)
