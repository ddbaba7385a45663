"""The tables of the twin's memory; times are business epoch seconds, money is minor units."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, account TEXT NOT NULL, parent INTEGER,
    created REAL NOT NULL, updated REAL NOT NULL, data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (account, kind);
CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (parent);
CREATE TABLE IF NOT EXISTS uploads (
    session INTEGER PRIMARY KEY, account TEXT NOT NULL, video INTEGER NOT NULL,
    size INTEGER NOT NULL, received INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS budget_changes (object INTEGER NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS budget_changes_by_object ON budget_changes (object, at);
CREATE TABLE IF NOT EXISTS budget_blocks (object INTEGER PRIMARY KEY, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    account TEXT NOT NULL, ad INTEGER NOT NULL, hour REAL NOT NULL, daily_budget INTEGER NOT NULL,
    impressions INTEGER NOT NULL, clicks INTEGER NOT NULL, leads INTEGER NOT NULL, spend INTEGER NOT NULL,
    PRIMARY KEY (ad, hour)
);
CREATE INDEX IF NOT EXISTS deliveries_by_hour ON deliveries (account, hour);
CREATE TABLE IF NOT EXISTS delivered (account TEXT PRIMARY KEY, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS market (scenario TEXT NOT NULL, seed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS visitors (
    origin TEXT PRIMARY KEY, ad INTEGER NOT NULL, hour REAL NOT NULL, link INTEGER NOT NULL, known INTEGER NOT NULL,
    arrives REAL NOT NULL, course TEXT NOT NULL, status TEXT NOT NULL, address TEXT
);
CREATE INDEX IF NOT EXISTS visitors_due ON visitors (status, arrives);
CREATE TABLE IF NOT EXISTS journal (
    id INTEGER PRIMARY KEY, real_time TEXT NOT NULL, business_time REAL NOT NULL, account TEXT,
    method TEXT NOT NULL, path TEXT NOT NULL, params TEXT NOT NULL, status INTEGER NOT NULL,
    answer TEXT NOT NULL, applied INTEGER NOT NULL, fault TEXT, cost INTEGER NOT NULL,
    actor TEXT NOT NULL DEFAULT 'app'
);
CREATE INDEX IF NOT EXISTS journal_by_account ON journal (account, business_time);
CREATE TABLE IF NOT EXISTS significant_edits (adset INTEGER PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS score_blocks (account TEXT PRIMARY KEY, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS restrictions (account TEXT PRIMARY KEY, code INTEGER NOT NULL, subcode INTEGER);
CREATE TABLE IF NOT EXISTS activities (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, at REAL NOT NULL, object INTEGER NOT NULL,
    category TEXT NOT NULL, shown TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS activities_by_time ON activities (account, at);
"""
