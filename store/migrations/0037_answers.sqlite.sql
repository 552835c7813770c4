-- What was answered to deliveries goes with them.
CREATE INDEX effects_delivery ON effects (delivery_id) WHERE delivery_id <> '';
CREATE INDEX chat_commands_delivery ON chat_commands (delivery_id);
DELETE FROM effects WHERE kind IN ('reply', 'react') AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = effects.delivery_id);
DELETE FROM chat_commands WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = chat_commands.delivery_id);
