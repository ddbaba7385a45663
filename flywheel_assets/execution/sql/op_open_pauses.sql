-- Safety pauses of an account that are still to be made, those apart whose campaign does not exist yet:
-- while the account is frozen nobody creates it, so it spends nothing.
select pause.object_ref
from pending_ad_changes as pause
join ad_objects as campaign on campaign.ref = pause.object_ref
where pause.account_id = :account_id
  and pause.lane = 2
  and pause.status in ('pending', 'claimed', 'executing', 'unknown')
  and campaign.remote_id is not null
order by pause.object_ref
