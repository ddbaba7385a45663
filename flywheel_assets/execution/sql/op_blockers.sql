-- What an open change waits for beside its time, in words; the first found is told. Empty when only time stands
-- between it and its call.
select reason from (
  select 1 as place, 'account ' || account.account_id || ' is frozen: ' || account.frozen_reason as reason
  from accounts as account
  where account.account_id = :account_id and account.frozen and not (account.pausing and :lane = 2)
  union all
  select 2, case account.mode
    when 'observe' then 'account ' || account.account_id || ' is in observe mode: nothing is sent'
    else 'a person has to approve plan ' || left(:plan_digest, 12) || ': flywheel changes approve ' || left(:plan_digest, 12)
  end
  from accounts as account
  where account.account_id = :account_id and account.mode <> 'auto' and :lane < 2
    and (account.mode = 'observe' or not :approved)
  union all
  select 3, needed.ref || ' has to exist first' || coalesce('; change ' || making.id || ' that makes it is ' || making.status, '')
  from unnest(cast(:depends_on as text[])) as needed(ref)
  left join ad_objects as existing on existing.ref = needed.ref
  left join lateral (
    select maker.id, maker.status from pending_ad_changes as maker
    where maker.object_ref = needed.ref and maker.change_type not like 'set\_%'
    order by maker.seq desc limit 1
  ) as making on true
  where existing.remote_id is null
  union all
  select 4, 'change ' || earlier.id || ' of the same object goes first and is ' || earlier.status
  from pending_ad_changes as earlier
  where earlier.object_ref = :object_ref and earlier.change_type = :change_type and earlier.seq < :seq
    and (
      earlier.status in ('claimed', 'executing')
      or earlier.status = 'unknown' and (:lane < 2 or earlier.lane = 2)
      or earlier.status = 'pending' and earlier.lane = 2 and :lane < 2
    )
  union all
  select 5, 'account ' || breaker.account_id || ' is left alone after ' || breaker.failures || ' failed calls, until '
    || to_char(breaker.retry_real, 'HH24:MI:SS') || ' real time: ' || coalesce(breaker.reason, '')
  from breakers as breaker
  where breaker.account_id = :account_id and breaker.retry_real > clock_timestamp()
  union all
  select 6, 'account ' || hold.account_id || ' waits until ' || to_char(hold.until, 'HH24:MI:SS') || ': ' || hold.reason
  from account_holds as hold
  where hold.account_id = :account_id and hold.until > flywheel_now() and (hold.refused or :lane < 2)
) as blocker
order by place
