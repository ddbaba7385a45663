-- Campaigns of ours that exist or are being made. That one was paused when we last looked is not believed:
-- somebody may have switched it on since, and asking again costs one read.
select campaign.ref, campaign.currency, (
  select count(*) from pending_ad_changes as ended
  where ended.object_ref = campaign.ref
    and ended.change_type = 'set_status'
    and ended.lane = 2
    and ended.status not in ('proposed', 'pending', 'claimed', 'executing', 'unknown')
) as stops
from ad_objects as campaign
where campaign.account_id = :account_id
  and campaign.world = current_setting('flywheel.world')
  and campaign.kind = 'campaign'
  and (campaign.effective_status is null or campaign.effective_status not in ('DELETED', 'ARCHIVED'))
  and (campaign.remote_id is not null or exists (
    select from pending_ad_changes as making
    where making.object_ref = campaign.ref
      and making.change_type = 'create_campaign'
      and making.status in ('proposed', 'pending', 'claimed', 'executing', 'unknown')
  ))
order by campaign.ref
