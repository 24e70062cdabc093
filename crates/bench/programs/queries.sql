-- A database in memory: filled, indexed, joined, changed, emptied.
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, price REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
INSERT INTO item SELECT i, 'item ' || (i * 7919 % 100003), i % 97, i * 0.25 FROM n;
CREATE INDEX item_name ON item(name);
CREATE INDEX item_kind ON item(kind, price);
SELECT count(*), sum(length(a.name)) FROM item a JOIN item b ON a.name = b.name AND a.id < b.id;
SELECT kind, count(*), group_concat(name) LIKE '%item 5%' FROM item GROUP BY kind LIMIT 5;
UPDATE item SET name = name || ' of kind ' || kind WHERE id % 3 = 0;
SELECT count(*) FROM (SELECT DISTINCT substr(name, 1, 9), kind FROM item ORDER BY price);
DELETE FROM item WHERE id % 2 = 0;
SELECT count(*), max(name) FROM item;
