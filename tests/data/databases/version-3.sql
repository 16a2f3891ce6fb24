BEGIN TRANSACTION;
CREATE TABLE archived_records (
	source TEXT NOT NULL, 
	object TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	pass INTEGER NOT NULL, 
	PRIMARY KEY (source, object, record_id)
)
 WITHOUT ROWID

;
CREATE TABLE asked (
	number INTEGER NOT NULL, 
	content TEXT NOT NULL, 
	PRIMARY KEY (number), 
	UNIQUE (content)
);
CREATE TABLE attempts (
	delivery_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	started_at BIGINT NOT NULL, 
	seconds BIGINT NOT NULL, 
	status INTEGER, 
	error TEXT, 
	answer TEXT NOT NULL, 
	config_hash TEXT NOT NULL, 
	PRIMARY KEY (delivery_id, number)
)
 WITHOUT ROWID

;
INSERT INTO "attempts" VALUES('00000000000000000000000000000002',1,1772366400000000,1000000,200,NULL,'thank you','c0ffee000000');
INSERT INTO "attempts" VALUES('00000000000000000000000000000003',1,1772366400000000,1000000,200,NULL,'thank you','c0ffee000000');
INSERT INTO "attempts" VALUES('00000000000000000000000000000004',1,1772366400000000,1000000,200,NULL,'thank you','c0ffee000000');
INSERT INTO "attempts" VALUES('00000000000000000000000000000007',1,1772366400000000,1000000,200,NULL,'thank you','c0ffee000000');
CREATE TABLE backfills (
	webhook TEXT NOT NULL, 
	conditions TEXT NOT NULL, 
	per_second FLOAT NOT NULL, 
	began_at BIGINT NOT NULL, 
	"after" TEXT DEFAULT '' NOT NULL, 
	records INTEGER DEFAULT 0 NOT NULL, 
	deliveries INTEGER DEFAULT 0 NOT NULL, 
	PRIMARY KEY (webhook)
);
CREATE TABLE bad_rows (
	claim TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	line INTEGER NOT NULL, 
	place INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (claim, number)
)
 WITHOUT ROWID

;
CREATE TABLE changes (
	number INTEGER NOT NULL, 
	seen_at BIGINT NOT NULL, 
	occurred_at BIGINT NOT NULL, 
	source TEXT NOT NULL, 
	object TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	change TEXT NOT NULL, 
	asked INTEGER, 
	"before" BLOB, 
	properties BLOB NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "changes" VALUES(1,1772366400000000,1772366400000000,'export','contacts','1','updated',NULL,NULL,X'7B22656D61696C223A225C22616461406578616D706C652E636F6D5C22227D');
CREATE TABLE changes_left_out (
	source TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	hour INTEGER NOT NULL, 
	count INTEGER NOT NULL, 
	last_at BIGINT NOT NULL, 
	PRIMARY KEY (source, reason, hour)
);
CREATE TABLE cursors (
	source TEXT NOT NULL, 
	object TEXT NOT NULL, 
	cursor TEXT NOT NULL, 
	PRIMARY KEY (source, object)
)
 WITHOUT ROWID

;
CREATE TABLE deliveries (
	number INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	lane INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	object TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	change TEXT NOT NULL, 
	state TEXT NOT NULL, 
	epoch INTEGER NOT NULL, 
	due_at BIGINT, 
	behind INTEGER, 
	attempts INTEGER DEFAULT 0 NOT NULL, 
	first_attempt_at BIGINT, 
	held_before BIGINT DEFAULT 0 NOT NULL, 
	last_status INTEGER, 
	last_error TEXT, 
	created_at BIGINT NOT NULL, 
	settled_at BIGINT, 
	method TEXT NOT NULL, 
	content_type TEXT, 
	"query" TEXT NOT NULL, 
	body BLOB, 
	untold_new INTEGER, 
	untold_previous BLOB, 
	untold_since BIGINT, 
	superseded_by TEXT, 
	PRIMARY KEY (number), 
	UNIQUE (id)
);
INSERT INTO "deliveries" VALUES(1,'00000000000000000000000000000001',1,'export','contacts','1','updated','pending',0,1772366400000000,NULL,0,NULL,0,NULL,NULL,1772366400000000,NULL,'POST','application/json','',X'7B22656D61696C223A22616461406578616D706C652E636F6D227D',NULL,NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(2,'00000000000000000000000000000002',1,'export','contacts','2','updated','pending',0,1772366460000000,NULL,1,1772366400000000,0,200,NULL,1772366400000000,NULL,'POST','application/json','',X'7B22656D61696C223A22616461406578616D706C652E636F6D227D',NULL,NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(3,'00000000000000000000000000000003',1,'export','contacts','3','updated','delivered',0,NULL,NULL,1,1772366400000000,0,200,NULL,1772366400000000,1772366401000000,'POST','application/json','',X'7B22656D61696C223A22616461406578616D706C652E636F6D227D',NULL,NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(4,'00000000000000000000000000000004',1,'export','contacts','4','updated','failed',0,NULL,NULL,1,1772366400000000,0,200,NULL,1772366400000000,1772366401000000,'POST','application/json','',X'7B22656D61696C223A22616461406578616D706C652E636F6D227D',NULL,NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(5,'00000000000000000000000000000005',2,'export','contacts','5','updated','pending',0,1772366400000000,0,0,NULL,0,NULL,NULL,1772366400000000,NULL,'POST','application/json','',X'7B22656D61696C223A22616461406578616D706C652E636F6D227D',NULL,NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(6,'00000000000000000000000000000006',2,'export','contacts','5','updated','pending',0,1772366400000000,1,0,NULL,0,NULL,NULL,1772366400000000,NULL,'POST','application/json','',X'7B22656D61696C223A22616461406578616D706C652E636F6D227D',NULL,NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(7,'00000000000000000000000000000007',3,'export','contacts','6','updated','pending',0,1772366401000000,NULL,1,1772366400000000,0,200,NULL,1772366400000000,NULL,'POST','application/json','',X'7B22656D61696C223A22616461406578616D706C652E636F6D227D',NULL,NULL,NULL,NULL);
CREATE TABLE enrollments (
	webhook TEXT NOT NULL, 
	source TEXT NOT NULL, 
	object TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	enrolled_at BIGINT NOT NULL, 
	PRIMARY KEY (webhook, source, object, record_id)
)
 WITHOUT ROWID

;
INSERT INTO "enrollments" VALUES('crm-mirror','export','contacts','1',1772366400000000);
CREATE TABLE files (
	number INTEGER NOT NULL, 
	claim TEXT NOT NULL, 
	source TEXT NOT NULL, 
	name BLOB NOT NULL, 
	rows_taken INTEGER DEFAULT 0 NOT NULL, 
	bad_count INTEGER DEFAULT 0 NOT NULL, 
	openings INTEGER DEFAULT 0 NOT NULL, 
	is_finished INTEGER DEFAULT 0 NOT NULL, 
	phase TEXT, 
	rows_counted INTEGER DEFAULT 0 NOT NULL, 
	place TEXT DEFAULT '' NOT NULL, 
	deletions INTEGER DEFAULT 0 NOT NULL, 
	rows_per_second INTEGER, 
	ends_at BIGINT, 
	PRIMARY KEY (number), 
	UNIQUE (claim)
);
CREATE TABLE known_records (
	source TEXT NOT NULL, 
	object TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	properties BLOB NOT NULL, 
	modified_at BIGINT, 
	deleted INTEGER NOT NULL, 
	asked INTEGER, 
	PRIMARY KEY (source, object, record_id)
)
 WITHOUT ROWID

;
INSERT INTO "known_records" VALUES('export','contacts','1',X'7B22656D61696C223A225C22616461406578616D706C652E636F6D5C22227D',1772366400000000,0,NULL);
INSERT INTO "known_records" VALUES('export','contacts','2',X'7B226E223A22312E3130227D',NULL,1,NULL);
CREATE TABLE lanes (
	number INTEGER NOT NULL, 
	webhook TEXT NOT NULL, 
	epoch INTEGER DEFAULT 0 NOT NULL, 
	paused_reason TEXT, 
	gone_reason TEXT, 
	absent_reason TEXT, 
	held_since BIGINT, 
	held_total BIGINT DEFAULT 0 NOT NULL, 
	quiet_until BIGINT, 
	request_digest TEXT DEFAULT '' NOT NULL, 
	target_digest TEXT DEFAULT '' NOT NULL, 
	is_ordered INTEGER DEFAULT 0 NOT NULL, 
	ordered_upto INTEGER, 
	PRIMARY KEY (number), 
	UNIQUE (webhook)
);
INSERT INTO "lanes" VALUES(1,'crm-mirror',0,NULL,NULL,NULL,NULL,0,NULL,'r1','t1',0,NULL);
INSERT INTO "lanes" VALUES(2,'in-order',0,NULL,NULL,NULL,NULL,0,NULL,'r2','t2',1,NULL);
INSERT INTO "lanes" VALUES(3,'gone',0,NULL,'the receiver is gone (410)',NULL,1772366401000000,0,NULL,'r3','t3',0,NULL);
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','3');
CREATE TABLE snapshot_rows (
	file INTEGER NOT NULL, 
	record_id TEXT NOT NULL, 
	digest BLOB NOT NULL, 
	last_row INTEGER NOT NULL, 
	line INTEGER NOT NULL, 
	differs INTEGER NOT NULL, 
	PRIMARY KEY (file, record_id)
)
 WITHOUT ROWID

;
CREATE TABLE sources (
	name TEXT NOT NULL, 
	identity TEXT NOT NULL, 
	has_started INTEGER DEFAULT 0 NOT NULL, 
	last_snapshot TEXT, 
	PRIMARY KEY (name)
);
INSERT INTO "sources" VALUES('other','{"path": "/srv/other"}',0,NULL);
CREATE TABLE starts (
	lane INTEGER NOT NULL, 
	delivery_id TEXT NOT NULL, 
	started_at BIGINT
);
CREATE INDEX starts_by_lane ON starts (lane, started_at);
CREATE INDEX starts_by_delivery ON starts (delivery_id);
CREATE INDEX failed ON deliveries (lane) WHERE state = 'failed';
CREATE INDEX settled ON deliveries (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX open_records ON deliveries (lane, source, object, record_id, number, behind) WHERE due_at IS NOT NULL AND behind IS NOT NULL;
CREATE INDEX delivered_records ON deliveries (lane, source, object, record_id, number) WHERE state = 'delivered' AND behind IS NOT NULL;
CREATE INDEX due ON deliveries (lane, behind, epoch, due_at) WHERE due_at IS NOT NULL AND behind IS NOT 1;
CREATE INDEX differing ON snapshot_rows (file, last_row) WHERE differs = 1;
CREATE INDEX ix_changes_source ON changes (source);
COMMIT;
