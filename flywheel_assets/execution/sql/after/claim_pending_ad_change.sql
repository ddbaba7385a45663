-- Hand one due change to one worker. Nobody else gets it while the lease lasts; the fencing token
-- makes a late answer of a worker that lost its lease worthless.
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
    where due.world = current_setting('flywheel.world')
      and due.status in ('pending', 'unknown')
      and due.not_before <= flywheel_now()
      and (due.expires_at is null or due.expires_at > flywheel_now() or due.status = 'unknown')
      and can_be_claimed(due)
    order by due.priority desc, due.not_before, due.seq
    limit 1
    for update of due skip locked
  )
  returning change.*;
$$;
