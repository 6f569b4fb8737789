CREATE TABLE orders (id serial PRIMARY KEY, bytes integer NOT NULL, done boolean NOT NULL DEFAULT false);

ALTER TABLE orders OWNER TO shop;
