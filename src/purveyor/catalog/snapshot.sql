-- name: version
SELECT version FROM catalog_catalogversion WHERE id = 1;

-- name: services
SELECT service.id, service.name, service.description, service.type, category.name AS category, service.rate,
       service.min, service.max, service.refill, service.refill_days, service.cancel, service.dripfeed,
       service.version, service.queue_same_link, service.posts_service_id
FROM catalog_service service
JOIN catalog_category category ON category.id = service.category_id
WHERE service.enabled AND category.enabled
ORDER BY category.position, category.id, service.position, service.id;

-- name: discounts
SELECT id, discount_percent FROM accounts_customergroup WHERE discount_percent <> 0;

-- name: own_rates
SELECT customer_id, service_id, rate FROM catalog_ownrate;
