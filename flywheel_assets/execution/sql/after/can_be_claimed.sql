-- Whether an open change waits for nothing but time: its account is not frozen, its mode content and its
-- breaker ready (to find out what a call did needs no permission; while spend is being stopped, a pause
-- may have to wait for just that), every object it depends on exists, and no change of the same kind to
-- the same object is under way or goes before it. An older one that was not sent yet does not: it is
-- superseded, unless it is a safety pause and this one is not. A safety pause does not wait to learn
-- what became of a call that nobody answered.
create or replace function only_time_is_missing(due pending_ad_changes) returns boolean
language sql stable as $$
  select due.status in ('pending', 'unknown')
    and exists (
      select from accounts as account
      where account.account_id = due.account_id
        and (not account.frozen or account.pausing and (due.lane = 2 or due.status = 'unknown'))
        and (
          account.mode = 'auto'
          or account.mode = 'approve' and due.approved_at is not null
          or due.lane = 2
          or due.status = 'unknown'
        )
    )
    and not exists (
      select from breakers as breaker
      where breaker.account_id = due.account_id
        and breaker.retry_real > clock_timestamp()
    )
    and (
      due.depends_on = '{}'
      or not exists (
        select from unnest(due.depends_on) as needed(ref)
        left join ad_objects as existing on existing.ref = needed.ref
        where existing.remote_id is null
      )
    )
    and not exists (
      select from pending_ad_changes as earlier
      where earlier.object_ref = due.object_ref
        and earlier.change_type = due.change_type
        and earlier.seq < due.seq
        and (
          earlier.status in ('claimed', 'executing')
          or earlier.status = 'unknown' and (due.lane < 2 or earlier.lane = 2)
          or earlier.status = 'pending' and earlier.lane = 2 and due.lane < 2
        )
    )
$$;

-- And whether the platform's quota lets it go now.
create or replace function can_be_claimed(due pending_ad_changes) returns boolean
language sql stable as $$
  select only_time_is_missing(due)
    and not exists (
      select from account_holds as hold
      where hold.account_id = due.account_id
        and hold.until > flywheel_now()
        and (hold.refused or due.lane < 2)
    )
$$;
