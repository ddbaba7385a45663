-- Hand one due change to one worker. Nobody else gets it while the lease lasts; the fencing token
-- makes a late answer of a worker that lost its lease worthless. Due means: open, past its
-- not-before time, its account not frozen and its mode content, every object it depends on exists, and no earlier change
-- of the same kind to the same object is open: those apply in order.
-- Whether a limit has room is decided later, under the campaign's lock, with the intent row.
create or replace function claim_pending_ad_change(claiming_worker text, lease interval default interval '90 seconds')
returns setof pending_ad_changes
language sql volatile as $$
  update pending_ad_changes as change
  set status = 'claimed',
      worker = claiming_worker,
      fencing_token = nextval('fencing_tokens'),
      lease_until = clock_timestamp() + lease
  where change.id = (
    select due.id
    from pending_ad_changes as due
    join accounts as account on account.account_id = due.account_id
    where due.world = current_setting('flywheel.world')
      and due.status in ('pending', 'unknown')
      and due.not_before <= flywheel_now()
      and (due.expires_at is null or due.expires_at > flywheel_now() or due.status = 'unknown')
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
    order by due.priority desc, due.not_before, due.seq
    limit 1
    for update of due skip locked
  )
  returning change.*;
$$;
