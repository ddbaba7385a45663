select * from begin_call(:change_id, :fencing_token, :alone, :window)
