-- name: routes
SELECT route.id, route.service_id, offer.provider_id, offer.external_id FROM providers_route route
JOIN providers_providerservice offer ON offer.id = route.provider_service_id
WHERE route.id = ANY(%(ids)s::bigint[]) ORDER BY route.id;
