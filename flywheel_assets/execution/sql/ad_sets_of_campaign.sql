select count(*) from ad_objects where campaign_ref = :campaign_ref and kind = 'adset' and remote_id is not null
