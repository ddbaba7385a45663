-- Is the claim still ours? The token changes hands with every claim.
select id from pending_ad_changes
where id = :change_id and fencing_token = :fencing_token and status in ('claimed', 'executing') and lease_until > clock_timestamp()
for no key update
