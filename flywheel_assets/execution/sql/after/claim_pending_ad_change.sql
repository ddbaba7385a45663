-- Hand one due change to one worker. Nobody else gets it while the lease lasts; the fencing token
-- makes a late answer of a worker that lost its lease worthless.
-- Whether a limit has room is decided later, under the campaign's lock, with the intent row.
create or replace function claim_pending_ad_change(claiming_worker text, lease interval default interval '90 seconds')
returns setof pending_ad_changes
language plpgsql volatile as $$
declare
  -- read once: compared with a variable the index ends the scan, with a volatile function every row is looked at
  moment timestamptz := flywheel_now();
  our_world text := current_setting('flywheel.world');
  chosen uuid;
  chosen_account text;
begin
  for chosen_lane in reverse 2..0 loop
    select due.id, due.account_id into chosen, chosen_account
    from pending_ad_changes as due
    where due.world = our_world
      and due.lane = chosen_lane
      and due.status in ('pending', 'unknown')
      and due.not_before <= moment
      and (due.expires_at is null or due.expires_at > moment or due.status = 'unknown')
      and can_be_claimed(due)
    order by due.not_before, due.seq
    limit 1
    for update of due skip locked;
    exit when found;
  end loop;
  if chosen is null then
    return;
  end if;
  -- A breaker that has waited long enough lets one probe through: whoever turns it half open.
  update breakers
  set state = 'half_open', retry_real = clock_timestamp() + lease
  where account_id = chosen_account and state <> 'closed' and retry_real <= clock_timestamp();
  if not found and exists (select from breakers where account_id = chosen_account and state <> 'closed') then
    return;
  end if;
  return query
    update pending_ad_changes as change
    set status = 'claimed',
        worker = claiming_worker,
        fencing_token = nextval('fencing_tokens'),
        lease_until = clock_timestamp() + lease
    where change.id = chosen
    returning change.*;
end
$$;
