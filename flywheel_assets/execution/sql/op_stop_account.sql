-- Frozen, and pausing as long as a campaign that exists has an open safety pause. An earlier reason
-- stays: both have to be dealt with.
update accounts as account
set frozen = true,
    frozen_reason = case
      when account.frozen_reason is null or position(:reason in account.frozen_reason) > 0
      then coalesce(account.frozen_reason, :reason)
      else account.frozen_reason || '; ' || :reason
    end,
    pausing = exists (
      select from pending_ad_changes as pause
      join ad_objects as campaign on campaign.ref = pause.object_ref and campaign.remote_id is not null
      where pause.account_id = account.account_id
        and pause.lane = 2
        and pause.status in ('pending', 'claimed', 'executing', 'unknown')
    )
where account.account_id = :account_id
