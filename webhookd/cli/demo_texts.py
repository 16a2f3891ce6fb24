"""What the demo writes: its configuration, two lists of contacts, and what it says."""

from __future__ import annotations

CONFIG = """\
version: 1
egress:
  allow: [127.0.0.0/8]
apps:
  "1234567":
    client_secret: {{env: DEMO_CLIENT_SECRET}}
  partner:
    client_secret: {{env: DEMO_PARTNER_SECRET}}
sources:
  crm-export:
    type: drop_directory
    path: crm
    object: contacts
    content: snapshot
  yours:
    type: drop_directory
    path: yours
    object: contacts
  crm:
    type: hubspot
    base_url: http://127.0.0.1:{crm_port}
    token: {{env: DEMO_CRM_TOKEN}}
    poll_every: 500ms
    objects:
      deals: {{properties: [dealname, amount]}}
webhooks:
  mirror:
    description: Every change of every contact
    source: crm-export
    object: contacts
    trigger:
      changes: [created, updated, deleted]
    request:
      url: http://127.0.0.1:{port}/mirror
      allow_http: true
      signature: {{app_id: "1234567", scheme: hubspot_v2}}
  yours:
    description: Whatever is in files that you drop
    source: yours
    object: contacts
    request:
      url: http://127.0.0.1:{port}/yours
      allow_http: true
      signature: {{app_id: "1234567", scheme: hubspot_v2}}
  deals:
    description: Every new deal and every new amount
    source: crm
    object: deals
    request:
      url: http://127.0.0.1:{port}/deals
      allow_http: true
      signature: {{app_id: "1234567", scheme: hubspot_v3}}
  new-customer:
    description: Tell billing when a contact becomes a customer
    source: crm-export
    object: contacts
    trigger:
      when:
        - {{property: lifecyclestage, operator: EQ, value: customer}}
      enroll: every_match
    request:
      url: http://127.0.0.1:{port}/billing
      allow_http: true
      signature: {{app_id: partner, scheme: standard_webhooks}}
      body:
        properties: [email, {{property: firstname, as: first_name}}]
        static: {{origin: crm}}
    delivery:
      retry: {{first_after: 2s}}
  score-changed:
    description: Refresh the dashboard when a score changes
    source: crm-export
    object: contacts
    trigger:
      changes: [updated]
      changed_properties: [score]
    request:
      method: GET
      url: http://127.0.0.1:{port}/dashboard?kind=contact
      allow_http: true
      signature: {{app_id: "1234567", scheme: hubspot_v3}}
      query:
        properties: [email, {{property: score, as: value}}]
"""

FIRST = """\
id,email,firstname,lifecyclestage,score
101,ada@example.com,Ada,lead,40
102,grace@example.com,Grace,customer,90
103,edsger@example.com,Edsger,lead,55
"""

SECOND = """\
id,email,firstname,lifecyclestage,score
101,ada@example.com,Ada,customer,71
102,grace@example.com,Grace,customer,90
"""

COLUMNS = """\
each line is a request that a receiver got: when, method, path, what it answered, the
record, the end of the delivery's id, and the scheme of the signature that it verified"""

YOURS = """\
try, in another terminal:
  cd {folder}
  {command} status
  {command} deliveries list
  printf 'id,email\\n7,you@example.com\\n' > yours/tmp/a.csv && mv yours/tmp/a.csv yours/new/
(yours/ takes rows as they come; in crm/, each file is a list of all contacts)"""

NEXT = """\
next:
  {command} help                         all commands
  {command} schema > webhookd.schema.json       for your editor
  {command} check --config config.yaml   your own configuration; begin with config.example.yaml
  {command} run --config config.yaml     and run it"""
