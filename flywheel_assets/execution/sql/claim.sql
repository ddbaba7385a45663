select * from claim_pending_ad_change(:worker, make_interval(secs => :lease_seconds))
