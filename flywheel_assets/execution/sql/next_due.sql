-- When the next open change that waits for nothing but time may be claimed.
select min(due.not_before)
from pending_ad_changes as due
join accounts as account on account.account_id = due.account_id
where due.world = current_setting('flywheel.world')
  and due.status in ('pending', 'unknown')
  and not account.frozen
  and (account.mode = 'auto' or account.mode = 'approve' and due.approved_at is not null)
  and not exists (
    select from unnest(due.depends_on) as needed(ref)
    left join ad_objects as existing on existing.ref = needed.ref
    where existing.remote_id is null
  )
  and not exists (
    select from pending_ad_changes as earlier
    where earlier.object_ref = due.object_ref
      and earlier.change_type = due.change_type
      and earlier.seq < due.seq
      and earlier.status in ('pending', 'claimed', 'executing', 'unknown')
  )
