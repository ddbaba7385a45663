-- Campaigns of ours that may spend, or may come to spend by what is queued. Paused is believed only as long as
-- we looked recently: somebody may have switched the campaign on since, and asking again costs one read.
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
  and (
    campaign.status is distinct from 'PAUSED'
    or campaign.effective_status <> 'PAUSED'
    or campaign.drift ? 'status'
    or campaign.observed_at is null
    or campaign.observed_at < flywheel_now() - make_interval(secs => :known_seconds)
    or exists (
      select from pending_ad_changes as wanted
      where wanted.object_ref = campaign.ref
        and wanted.change_type = 'set_status'
        and wanted.status in ('proposed', 'pending', 'claimed', 'executing', 'unknown')
    )
  )
order by campaign.ref
