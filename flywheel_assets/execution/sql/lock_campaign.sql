select ref from ad_objects where ref = :campaign_ref for no key update
