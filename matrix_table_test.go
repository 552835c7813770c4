package main

// matrixTable is who may ask what: every route of the server, what it needs, and on what
// kind of thing. A route without a row fails TestEveryRouteForEveryActor.
//
//	open        everybody, signed in or not; what is behind it is guarded by a secret
//	runner      the runner that the path names alone: no person, no token
//	self        everybody who has signed in
//	read, trigger, developer, maintainer   in the project of the thing; who does not see it is told 404
//	admin       owners and admins of the instance; all others are told 403
//	house       who sees the project of the thing, and is owner or admin of the instance
//	hidden      owners and admins, and whose it is; all others are told 404
//
// "!": the thing is gone afterwards, so each asker gets a new one. "-": nobody who may is
// made to ask, since that would begin something that lasts. "~": everybody is told that it
// is there, but not of what project: who does not see that is told 403. No delivery here
// is one that could be approved.
const matrixTable = `
GET    /healthz                                       open
GET    /readyz                                        open
GET    /metrics                                       open
GET    /docs/api                                      open
GET    /v1/openapi.json                               open
GET    /schema/oore.yaml.json                         open
GET    /login                                         open
GET    /status                                       open
GET    /sign-in/:token                                open
POST   /sign-in/password                              open       none         email=nobody@example.com&password=x
POST   /sign-in/proxy                                 open
POST   /sign-in/:way                                  open
GET    /sign-in/:way/callback                         open
POST   /logout                                        open-
GET    /static/*                                      open
GET    /badges/:project/:pipeline                     open
GET    /dl/:secret                                    open
GET    /i/:secret                                     open
GET    /i/:secret/app                                 open
GET    /i/:secret/icon                                open
POST   /i/:secret/install                             open
GET    /i/:secret/manifest.plist                      open
GET    /i/:id/qr.svg                                  open
GET    /i/:id/qr.png                                  open
GET    /v1/settings/system/challenge                  open
POST   /v1/webhooks/github                            open
POST   /v1/webhooks/gitlab                            open
POST   /v1/slack/commands                             open
POST   /v1/slack/interactions                         open
POST   /v1/auth/local/login                           open       none         {"email": "nobody@example.com", "password": "not the password"}
POST   /v1/auth/logout                                open-

GET    /v1/users/me                                   self
PUT    /v1/users/me/password                          self-      none         {"password": "short"}
GET    /v1/users/me/identities                        self
DELETE /v1/users/me/identities                        self-
GET    /v1/projects                                   self
POST   /v1/projects                                   admin      none         {"name": "Third", "local_repository_path": "/nowhere"}
GET    /v1/projects/:id                               read       project
PATCH  /v1/projects/:id                               developer  project      {"description": "Ours"}
DELETE /v1/projects/:id                               maintainer! project
GET    /v1/projects/:id/pipelines                     read       project
POST   /v1/projects/:id/pipelines                     developer  project      {"name": "Android"}
POST   /v1/pipelines/validate                         self       none         {"content": "version: 1"}
GET    /v1/pipelines/:id                              read       pipeline
PATCH  /v1/pipelines/:id                              developer  pipeline     {"enabled": true}
DELETE /v1/pipelines/:id                              maintainer! pipeline
GET    /v1/projects/:id/builds                        read       project
POST   /v1/projects/:id/builds                        trigger    project      {"pipeline_id": "{pipeline}"}
GET    /v1/builds                                     self
GET    /v1/builds/:id                                 read       build
GET    /v1/queue                                      self
POST   /v1/builds/:id/cancel                          trigger    build
POST   /v1/builds/:id/rerun                           trigger    build
GET    /v1/builds/:id/logs                            read       build
GET    /v1/builds/:id/logs/search?q=x                 read       build
GET    /v1/builds/:id/logs/stream                     read       build
POST   /v1/builds/:id/stream-token                    read       build
GET    /v1/builds/:id/tests                           read       build
GET    /v1/builds/:id/artifacts                       read       build
GET    /v1/projects/:id/artifacts                     read       project
GET    /v1/artifacts/:id                              read       artifact
GET    /v1/artifacts/:id/download                     read       artifact
GET    /v1/artifacts/:id/icon                         read-      artifact
POST   /v1/artifacts/:id/download-link                read       artifact
GET    /v1/artifacts/:id/share-links                  read       artifact
POST   /v1/artifacts/:id/share-links                  read       artifact
DELETE /v1/share-links/:id                            read!      share
GET    /v1/deliveries                                 self
GET    /v1/deliveries/:id                             self       delivery
POST   /v1/deliveries/:id/redeliver                   developer~ delivery
POST   /v1/deliveries/:id/evaluate                    self       delivery
POST   /v1/deliveries/:id/approve                     self       delivery     {"sha": "{sha}"}
GET    /v1/why?repo=acme/none&sha=0123456             self
GET    /v1/commands                                   self
GET    /v1/search?q=shop                              self
GET    /v1/integrations                               admin
POST   /v1/integrations/github/start                  admin-     none         {"web_url": "https://github.example"}
POST   /v1/integrations/github/complete               admin      none         {"code": "x", "state": "y"}
POST   /v1/integrations/gitlab                        admin-     none         {"web_url": "https://gitlab.example", "token": "glpat-x"}
POST   /v1/integrations/gitlab/start                  admin-     none         {"web_url": "https://gitlab.example", "application_id": "x", "secret": "y"}
POST   /v1/integrations/gitlab/complete               admin      none         {"code": "x", "state": "y"}
GET    /v1/integrations/:id                           admin-     unknown
DELETE /v1/integrations/:id                           admin-     unknown
POST   /v1/integrations/:id/sync                      admin-     unknown
GET    /v1/integration-repositories                   admin
POST   /v1/integration-repositories/:id/webhook-secret admin-    unknown
GET    /v1/projects/:id/secrets                       maintainer project
PUT    /v1/projects/:id/secrets/:name                 maintainer project      {"value": "a secret value"}
DELETE /v1/projects/:id/secrets/:name                 maintainer! secret
GET    /v1/projects/:id/notifications                 maintainer project
POST   /v1/projects/:id/notifications                 maintainer project      {"kind": "webhook", "target": "https://hooks.example.com/"}
PATCH  /v1/notifications/:id                          maintainer notification {"on": "all"}
DELETE /v1/notifications/:id                          maintainer! notification
POST   /v1/notifications/:id/test                     maintainer- notification
GET    /v1/runners                                    self
POST   /v1/runners/register                           admin      none         {"name": "mac", "platform": "macos/arm64"}
GET    /v1/runners/self                               runner
GET    /v1/runners/:id                                self       runner
PATCH  /v1/runners/:id                                admin      runner       {"enabled": false}
DELETE /v1/runners/:id                                admin-     runner
POST   /v1/runners/:id/heartbeat                      runner
POST   /v1/runners/:id/claim                          runner
POST   /v1/runners/:id/jobs/:build_id/renew           runner
POST   /v1/runners/:id/jobs/:build_id/checkout        runner
POST   /v1/runners/:id/jobs/:build_id/secrets         runner
POST   /v1/runners/:id/jobs/:build_id/start           runner
POST   /v1/runners/:id/jobs/:build_id/logs            runner
POST   /v1/runners/:id/jobs/:build_id/steps           runner
POST   /v1/runners/:id/jobs/:build_id/record          runner
POST   /v1/runners/:id/jobs/:build_id/artifacts/parts runner
POST   /v1/runners/:id/jobs/:build_id/artifacts       runner
POST   /v1/runners/:id/jobs/:build_id/finish          runner
GET    /v1/settings/system                            admin-
GET    /v1/settings/instance                          admin
GET    /v1/settings/storage                           admin
GET    /v1/settings/retention                         admin
PATCH  /v1/settings/retention                         admin      none         {}
POST   /v1/settings/retention/preview                 admin      none         {}
POST   /v1/queue/pause                                admin-
POST   /v1/queue/resume                               admin
POST   /v1/builds/:id/first                           admin      build
GET    /v1/users                                      admin
POST   /v1/users/invite                               admin      none         {"email": "nobody", "role": "viewer"}
GET    /v1/users/:id                                  admin      user
DELETE /v1/users/:id                                  admin-     user
PATCH  /v1/users/:id/role                             admin      user         {"role": "viewer"}
POST   /v1/users/:id/enable                           admin      user
POST   /v1/users/:id/sign-in-link                     admin      user
GET    /v1/projects/:id/schedules                     read       project
POST   /v1/projects/:id/schedules                     developer  project      {"pipeline_id": "{pipeline}", "name": "x", "cron": "never"}
PATCH  /v1/projects/:id/schedules/:schedule_id        developer  project      {"enabled": false}
DELETE /v1/projects/:id/schedules/:schedule_id        developer! schedule
GET    /v1/projects/:id/members                       maintainer project
PUT    /v1/projects/:id/members/:user_id              maintainer project      {"role": "viewer"}
DELETE /v1/projects/:id/members/:user_id              maintainer! member
GET    /v1/api-tokens                                 self
POST   /v1/api-tokens                                 self       none         {"name": "", "role": "viewer"}
DELETE /v1/api-tokens/:id                             hidden-    token
GET    /v1/sessions                                   self
DELETE /v1/sessions/:id                               hidden-    session
GET    /v1/audit-logs                                 admin

GET    /                                              self
POST   /checklist/dismiss                             self
GET    /run                                           self
GET    /setup                                         admin
POST   /setup/you                                     admin-
POST   /setup/demo                                    admin-
POST   /setup/demo/push                               hidden-
POST   /setup/repository                              admin-
GET    /builds                                        self
GET    /queue                                         self
GET    /builds/:id                                    read       build
GET    /builds/:id/lines                              read       build
GET    /builds/:id/stream                             read-      build
GET    /builds/:id/steps/:n                           read-      build
GET    /builds/:id/artifacts                          read       build
GET    /builds/:id/tests                              read       build
GET    /builds/:id/timeline                           read       build
GET    /builds/:id/config                             read       build
GET    /stream                                        self-
GET    /validate                                      self
POST   /validate                                      self
POST   /queue/pause                                   admin-
POST   /queue/resume                                  admin
POST   /queue/builds/:id/first                        admin~     build
POST   /queue/builds/:id/cancel                       trigger    build
GET    /projects/:id/builds/:number                   read-      project
GET    /projects/:id/pipelines/:pipeline              read       project
GET    /projects/:id/pipelines/:pipeline/edit         developer  project
POST   /projects/:id/pipelines/:pipeline/edit         developer  project      name=Android
GET    /projects/:id/pipelines/:pipeline/delete       maintainer project
POST   /projects/:id/pipelines/:pipeline/delete       maintainer- project
GET    /projects/:id/insights                         read       project
GET    /projects/:id/run/commit                       trigger-   project
GET    /builds/:id/log.txt                            read       build
POST   /builds/:id/cancel                             trigger    build
POST   /builds/:id/rerun                              trigger    build
GET    /apps/:project                                 read       slug
GET    /artifacts/:id/download                        read       artifact
GET    /artifacts/:id/icon                            read-      artifact
GET    /i/:id<guid>                                   read       artifact
POST   /i/:id<guid>/share-links                       read       artifact     expires_in=3600
POST   /i/:id<guid>/share-links/:link/revoke          self       artifact
GET    /deliveries                                    self
GET    /deliveries/:id                                self       delivery
POST   /deliveries/:id/redeliver                      developer~ delivery
POST   /deliveries/:id/approve                        self       delivery     sha={sha}
GET    /why                                           self
GET    /commands                                      self
GET    /_ui                                           self
GET    /search                                        self
GET    /runners                                       self
POST   /runners/:id                                   admin~     runner       enabled=false
POST   /runners/:id/delete                            admin-~    runner
GET    /projects                                      self
GET    /projects/new                                  admin
POST   /projects                                      admin      none         name=Third
GET    /projects/:id                                  read       project
GET    /projects/:id/settings                         developer  project
GET    /projects/:id/settings/:part                   developer  project
POST   /projects/:id/settings                         developer  project      description=Ours
POST   /projects/:id/settings/webhook-secret          house-     project
POST   /projects/:id/secrets                          maintainer project      name=TOKEN&value=abcdefgh
POST   /projects/:id/secrets/:name/delete             maintainer! secret
POST   /projects/:id/notifications                    maintainer project      kind=webhook&target=https://hooks.example.com/
POST   /notifications/:id/test                        maintainer- notification
POST   /notifications/:id/delete                      maintainer! notification
POST   /projects/:id/delete                           maintainer- project
GET    /projects/:id/pipelines/new                    developer  project
POST   /projects/:id/pipelines                        developer  project      name=Android
GET    /projects/:id/run                              trigger    project
POST   /projects/:id/run                              trigger    project      pipeline_id={pipeline}
POST   /projects/:id/schedules                        developer  project      pipeline_id={pipeline}&cron=never
POST   /projects/:id/schedules/:schedule_id           developer  project      enabled=false
POST   /projects/:id/schedules/:schedule_id/delete    developer! schedule
POST   /projects/:id/access                           maintainer project      visibility=members
POST   /projects/:id/members                          maintainer project      email=nobody@example.com&role=viewer
POST   /projects/:id/members/:user_id                 maintainer project      role=viewer
POST   /projects/:id/members/:user_id/delete          maintainer! member
GET    /settings                                      self
GET    /settings/system                               admin-
GET    /settings/general                              admin
GET    /settings/storage                              admin
GET    /settings/retention                            admin
POST   /settings/retention                            admin-
GET    /settings/sources                              admin
GET    /settings/sources/github                       admin
POST   /settings/sources/github                       admin-     none         web_url=https://github.example
GET    /settings/sources/github/callback?code=x&state=y admin
GET    /settings/sources/github/installed             admin
GET    /settings/sources/gitlab                       admin
POST   /settings/sources/gitlab                       admin-     none         web_url=https://gitlab.example&token=x
POST   /settings/sources/gitlab/grant                 admin-     none         web_url=https://gitlab.example&application_id=x&secret=y
GET    /settings/sources/gitlab/callback?code=x&state=y admin
POST   /settings/sources/:id/reconnect                admin-     unknown
POST   /settings/sources/:id/sync                     admin-     unknown
POST   /settings/sources/:id/disconnect               admin-     unknown
GET    /settings/slack/link/:secret                   self
POST   /settings/slack/link/:secret                   self-
GET    /settings/users                                admin
POST   /settings/users                                admin      none         email=nobody&role=viewer
POST   /settings/users/:id/role                       admin      user         role=viewer
POST   /settings/users/:id/enable                     admin      user
POST   /settings/users/:id/disable                    admin-     user
POST   /settings/users/:id/link                       admin      user
GET    /settings/tokens                               self
POST   /settings/tokens                               self       none         name=
POST   /settings/tokens/:id/delete                    hidden-    token
GET    /settings/me                                   self
POST   /settings/me/password                          self-
POST   /settings/me/connect/:way                      self-
POST   /settings/me/disconnect                        self-
POST   /settings/me/look                              self
POST   /settings/sessions/:id/delete                  hidden-    session
GET    /settings/audit                                admin
`
