-- Hand one due change to one worker. Nobody else gets it while the lease lasts; the fencing token
-- makes a late answer of a worker that lost its lease worthless.
-- Whether a limit has room is decided later, under the campaign's lock, with the intent row.
create or replace function claim_pending_ad_change(claiming_worker text, lease interval default interval '90 seconds')
returns setof pending_ad_changes
-- Planned once, and always along the index: a plan that sorts what is due reads the whole queue.
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off
as $$
declare
  -- read once: compared with a variable the index ends the scan, with a volatile function every row is looked at
  moment timestamptz := flywheel_now();
  our_world text := current_setting('flywheel.world');
  head record;
  chosen uuid;
begin
  -- The head of every lane of every account that may act at all: however many rows of a frozen account
  -- are due, none is looked at.
  for head in
    select account.account_id, lanes.lane, account.frozen, account.mode
    from accounts as account
    cross join (values (2), (1), (0)) as lanes(lane)
    cross join lateral (
      select due.not_before, due.seq
      from pending_ad_changes as due
      where due.world = our_world
        and due.account_id = account.account_id
        and due.lane = lanes.lane
        and due.status in ('pending', 'unknown')
        and not due.waits
        and due.not_before <= moment
      order by due.not_before, due.seq
      limit 1
    ) as first
    where (not account.frozen or account.pausing)
      and not exists (
        select from account_holds as hold
        where hold.account_id = account.account_id
          and hold.until > moment
          and (hold.refused or lanes.lane < 2)
      )
      and not exists (
        select from breakers as breaker
        where breaker.account_id = account.account_id and breaker.retry_real > clock_timestamp()
      )
    order by lanes.lane desc, first.not_before, first.seq
  loop
    select due.id into chosen
    from pending_ad_changes as due
    where due.world = our_world
      and due.account_id = head.account_id
      and due.lane = head.lane
      and due.status in ('pending', 'unknown')
      and not due.waits
      and due.not_before <= moment
      -- again in can_be_claimed, here on plain columns: thousands of rows may wait for a person
      and (
        due.lane = 2
        or due.status = 'unknown'
        or not head.frozen and (head.mode = 'auto' or head.mode = 'approve' and due.approved_at is not null)
      )
      and (due.expires_at is null or due.expires_at > moment or due.status = 'unknown')
      and can_be_claimed(due)
    order by due.not_before, due.seq
    limit 1
    for update of due skip locked;
    continue when not found;
    -- A breaker that has waited long enough lets one probe through: whoever turns it half open.
    update breakers
    set state = 'half_open', retry_real = clock_timestamp() + lease
    where account_id = head.account_id and state <> 'closed' and retry_real <= clock_timestamp();
    continue when not found and exists (select from breakers where account_id = head.account_id and state <> 'closed');
    return query
      update pending_ad_changes as change
      set status = 'claimed',
          worker = claiming_worker,
          fencing_token = nextval('fencing_tokens'),
          lease_until = clock_timestamp() + lease
      where change.id = chosen
      returning change.*;
    return;
  end loop;
end
$$;
