select distinct on (object_ref) object_ref, status, wait_reason
from pending_ad_changes
where object_ref = any(:refs) and lane = 2 and change_type = 'set_status'
order by object_ref, seq desc
