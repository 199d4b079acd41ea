-- name: write
INSERT INTO catalog_serviceupdate (service_id, kind, old_rate, new_rate)
SELECT told.service_id, told.kind, told.old_rate, told.new_rate
FROM json_to_recordset(%(updates)s::json) AS told (
    place int, service_id bigint, kind text, old_rate numeric, new_rate numeric
)
ORDER BY told.place;
