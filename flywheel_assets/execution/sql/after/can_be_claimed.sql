-- Whether an open change waits for nothing but its not-before time: its account is not frozen and its
-- mode content, every object it depends on exists, and no earlier change of the same kind to the same
-- object is open: those apply in order.
create or replace function can_be_claimed(due pending_ad_changes) returns boolean
language sql stable as $$
  select due.status in ('pending', 'unknown')
    and exists (
      select from accounts as account
      where account.account_id = due.account_id
        and not account.frozen
        and (account.mode = 'auto' or account.mode = 'approve' and due.approved_at is not null)
    )
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
$$;
