// Generated from openapi.json by `npm run generate`: do not edit.

export interface paths {
    "/api/admin/backup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The last backup that was asked for since the start. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["BackupReport"];
                    };
                };
            };
        };
        put?: never;
        /** Begins a backup of lake, store and configuration into a directory on the server. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewBackup"];
                };
            };
            responses: {
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Backup"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Firing alerts first, then pending ones, then those that resolved within a day. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["AlertList"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/cardinality": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics with the most series, labels with the most values, sources with the most series. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Cardinality"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/delivery": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** DORA's metrics: `delivery_metrics` in SQL. */
        get: {
            parameters: {
                query?: {
                    /** @description RFC 3339; 30 days before `to` when absent. */
                    from?: string;
                    /** @description RFC 3339, exclusive; now when absent. */
                    to?: string;
                    /**
                     * @description `all`, or some of `service`, `team`, `severity` with commas between them; deploys have no
                     *     severity.
                     */
                    by?: string;
                    /** @description Length of the periods, such as `1 day`, `1 week` or `1 month`; one period when absent. */
                    width?: string;
                    /** @description IANA name of the zone whose days and months are meant; UTC when absent. */
                    time_zone?: string;
                    /** @description RFC 3339: only what had been recorded by then counts. */
                    as_of?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["DeliveryReport"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/gates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What every gate would say now, by service. Looking is not asking: nothing is recorded. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["GateList"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/gates/{service}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether a service may be changed now, with every number that decided it. Asking is recorded as an
         *     event of kind `gate_decision`.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    service: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Gate"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/gates/{service}/decisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a gate has answered to those who asked, the newest first. Looking is not asking: nothing is
         *     recorded.
         */
        get: {
            parameters: {
                query?: {
                    /** @description RFC 3339; everything since the first one when absent. */
                    from?: string;
                    /**
                     * @description RFC 3339, exclusive; now when absent. The `at` of the last decision of an answer asks for the next
                     *     older ones.
                     */
                    to?: string;
                    /** @description At most so many, within what the server allows. */
                    limit?: number;
                };
                header?: never;
                path: {
                    service: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["GateDecisionList"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/gates/{service}/override": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Opens a gate until a time, whatever its conditions say. Recorded as an event of kind
         *     `gate_override`.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    service: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["GateOverrideBody"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["GateOverride"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/gates/{service}/overrides": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who opened a gate, why and until when. Looking is not asking: nothing is recorded. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    service: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["GateOverrideList"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/gates/{service}/overrides/{id}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Takes an override back before it expires. Recorded as an event of kind `gate_override`. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    service: string;
                    id: number;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["GateRevocationBody"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["GateOverride"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/impact": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whom the incidents of a time hurt, one by one and added up: `incident_impact` and `impact_metrics` in
         *     SQL.
         */
        get: {
            parameters: {
                query?: {
                    /** @description RFC 3339; 30 days before `to` when absent. */
                    from?: string;
                    /** @description RFC 3339, exclusive; now when absent. */
                    to?: string;
                    /**
                     * @description `all`, or some of `service`, `team`, `severity` with commas between them; deploys have no
                     *     severity.
                     */
                    by?: string;
                    /** @description Length of the periods, such as `1 day`, `1 week` or `1 month`; one period when absent. */
                    width?: string;
                    /** @description IANA name of the zone whose days and months are meant; UTC when absent. */
                    time_zone?: string;
                    /** @description RFC 3339: only what had been recorded by then counts. */
                    as_of?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ImpactReport"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/inbox": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The mails that the demo's SMTP server took, the newest first. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["MailList"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/incidents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Open incidents, or all, the newest first. */
        get: {
            parameters: {
                query?: {
                    /** @description `open` (default) or `all`. */
                    state?: string;
                    limit?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["IncidentList"];
                    };
                };
            };
        };
        put?: never;
        /** Declares an incident by hand. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewIncidentBody"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Incident"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/incidents/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One incident with everything around it. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["IncidentDetail"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/incidents/{id}/acknowledge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Somebody takes it: pages and escalation stop. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["VerbBody"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Incident"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/incidents/{id}/close": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The write-up is done, or waived. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["VerbBody"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Incident"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/incidents/{id}/mitigate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Users are no longer hurt. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["VerbBody"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Incident"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/incidents/{id}/notes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Puts a note on the timeline. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NoteBody"];
                };
            };
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/incidents/{id}/resolve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** It is over. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["VerbBody"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Incident"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/incidents/{id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The service is back. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["VerbBody"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Incident"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/incidents/{id}/retrospective": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The incident's retrospective, drafted if there is none. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Retrospective"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/incidents/{id}/severity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Changes the severity. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SeverityBody"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Incident"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/incidents/{id}/timeline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What happened, in order. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Timeline"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/login-links": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes a link that logs somebody in once. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewLoginLinkBody"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["LoginLinkCreated"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lines that match, from the newest on. */
        get: {
            parameters: {
                query?: {
                    /** @description RFC 3339; an hour before `to` when absent. */
                    from?: string;
                    /** @description RFC 3339, excluded; now when absent. */
                    to?: string;
                    /** @description Words, phrases, fields: `refused -"connection reset" region=eu-0 ~"time(d )?out"`. */
                    q?: string;
                    /** @description Names, separated by commas. */
                    service?: string;
                    /** @description `trace`, `debug`, `info`, `warn`, `error` or `fatal`: this or worse. */
                    severity?: string;
                    /** @description 32 hex digits. */
                    trace_id?: string;
                    /** @description 200 when absent. */
                    limit?: string;
                    /** @description `backward`, from the newest, when absent; or `forward`. */
                    direction?: string;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["LogPage"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/logs/context": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the same service on the same host wrote before and after a line, up to a day away. */
        get: {
            parameters: {
                query: {
                    /** @description `id` of the line. */
                    id: string;
                    /** @description Of the line; absent when it has none. */
                    service?: string;
                    /** @description Of the line; absent when it has none. */
                    host?: string;
                    /** @description Lines before and after; 20 when absent. */
                    lines?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["LogContext"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/logs/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lines that match, as a file with all columns of the table `logs`. */
        get: {
            parameters: {
                query?: {
                    /** @description RFC 3339; an hour before `to` when absent. */
                    from?: string;
                    /** @description RFC 3339, excluded; now when absent. */
                    to?: string;
                    /** @description Words, phrases, fields: `refused -"connection reset" region=eu-0 ~"time(d )?out"`. */
                    q?: string;
                    /** @description Names, separated by commas. */
                    service?: string;
                    /** @description `trace`, `debug`, `info`, `warn`, `error` or `fatal`: this or worse. */
                    severity?: string;
                    /** @description 32 hex digits. */
                    trace_id?: string;
                    /** @description `csv` when absent; `ndjson`, `json`, `arrow` or `parquet`. */
                    format?: string;
                    /** @description `query.logs.export_lines_max` when absent, and not more. */
                    limit?: string;
                    /** @description `backward`, from the newest, when absent; or `forward`. */
                    direction?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "text/csv": string;
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/logs/facets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the lines that match have in common. */
        get: {
            parameters: {
                query?: {
                    /** @description RFC 3339; an hour before `to` when absent. */
                    from?: string;
                    /** @description RFC 3339, excluded; now when absent. */
                    to?: string;
                    /** @description Words, phrases, fields: `refused -"connection reset" region=eu-0 ~"time(d )?out"`. */
                    q?: string;
                    /** @description Names, separated by commas. */
                    service?: string;
                    /** @description `trace`, `debug`, `info`, `warn`, `error` or `fatal`: this or worse. */
                    severity?: string;
                    /** @description 32 hex digits. */
                    trace_id?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["LogFacets"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/logs/histogram": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How many lines match, over time and by severity. */
        get: {
            parameters: {
                query?: {
                    /** @description RFC 3339; an hour before `to` when absent. */
                    from?: string;
                    /** @description RFC 3339, excluded; now when absent. */
                    to?: string;
                    /** @description Words, phrases, fields: `refused -"connection reset" region=eu-0 ~"time(d )?out"`. */
                    q?: string;
                    /** @description Names, separated by commas. */
                    service?: string;
                    /** @description `trace`, `debug`, `info`, `warn`, `error` or `fatal`: this or worse. */
                    severity?: string;
                    /** @description 32 hex digits. */
                    trace_id?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["LogHistogram"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/logs/tail": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lines that match, as they are stored: events `lines` and `lagged`, and a comment every 15 seconds. The
         *     times of the filter do not count. Ends when the client goes.
         */
        get: {
            parameters: {
                query?: {
                    /** @description RFC 3339; an hour before `to` when absent. */
                    from?: string;
                    /** @description RFC 3339, excluded; now when absent. */
                    to?: string;
                    /** @description Words, phrases, fields: `refused -"connection reset" region=eu-0 ~"time(d )?out"`. */
                    q?: string;
                    /** @description Names, separated by commas. */
                    service?: string;
                    /** @description `trace`, `debug`, `info`, `warn`, `error` or `fatal`: this or worse. */
                    severity?: string;
                    /** @description 32 hex digits. */
                    trace_id?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "text/event-stream": components["schemas"]["TailLagged"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                /** @description as many tails as there may be (query.logs.tails_max) */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/oncall": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every schedule: who is on call now, who is next, and the gaps ahead. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["OnCallList"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/recovery": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How fast failures are found and ended, and what they cost: `recovery_metrics` in SQL. */
        get: {
            parameters: {
                query?: {
                    /** @description RFC 3339; 30 days before `to` when absent. */
                    from?: string;
                    /** @description RFC 3339, exclusive; now when absent. */
                    to?: string;
                    /**
                     * @description `all`, or some of `service`, `team`, `severity` with commas between them; deploys have no
                     *     severity.
                     */
                    by?: string;
                    /** @description Length of the periods, such as `1 day`, `1 week` or `1 month`; one period when absent. */
                    width?: string;
                    /** @description IANA name of the zone whose days and months are meant; UTC when absent. */
                    time_zone?: string;
                    /** @description RFC 3339: only what had been recorded by then counts. */
                    as_of?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RecoveryReport"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/retrospectives": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every retrospective, the newest first. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RetrospectiveList"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/retrospectives/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One retrospective. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Retrospective"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        /** Stores what somebody wrote. */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["RetrospectiveBody"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Retrospective"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/retrospectives/{id}/publish": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Publishes it. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Retrospective"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runbooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every runbook. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RunbookList"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runbooks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One runbook with its steps. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Runbook"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Starts a run; nothing is carried out yet. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewRunBody"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Run"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One run. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Run"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs/{id}/steps/{name}/done": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ticks off a manual step. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Run"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs/{id}/steps/{name}/skip": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Leaves a step out. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Run"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs/{id}/steps/{name}/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Carries a step out. It goes on in the background. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Run"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/services": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Services that are declared, and those that only an SLO names. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ServiceList"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who the caller is. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Session"];
                    };
                };
            };
        };
        put?: never;
        /** Opens a session with a token; sets the cookie. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewSessionBody"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Session"];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        /** Logs out. */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/slos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every objective as of its watermark, the most urgent first. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SloList"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/slos/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One SLO: the fields of its worst objective, all objectives, and where it is written. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SloDetail"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/slos/{name}/backfills": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The backfills of an SLO that wait, run or have ended. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["BackfillList"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /** Begins to measure an SLO over history. It goes on after a restart, and counts nothing twice. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewBackfill"];
                };
            };
            responses: {
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Backfill"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/slos/{name}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The burn-down of one objective, with the incidents and deploys of its service. */
        get: {
            parameters: {
                query?: {
                    /** @description The first objective when absent. */
                    objective?: string;
                    /** @description The key of a group; needed where the SLO has groups. */
                    group?: string;
                    /** @description RFC 3339; the length of the window ago when absent. */
                    from?: string;
                    /** @description RFC 3339; now when absent. */
                    to?: string;
                    points?: number;
                    /** @description The window of the budget: one of the SLO's, such as `90d`; the first one when absent. */
                    window?: string;
                    /** @description RFC 3339: only what had been recorded by then counts, and nothing is projected. */
                    reported_on?: string;
                };
                header?: never;
                path: {
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SloHistory"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/slos/{name}/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One objective at one time. */
        get: {
            parameters: {
                query?: {
                    /** @description The first objective when absent. */
                    objective?: string;
                    /** @description The key of a group; needed where the SLO has groups. */
                    group?: string;
                    /** @description RFC 3339: the end of the window; now when absent. */
                    at?: string;
                    /** @description RFC 3339: only what had been recorded by then counts, as it was reported on that day. */
                    reported_on?: string;
                    /** @description Windows to tell burn rates of, such as `1h,6h,3d`. */
                    windows?: string;
                    /** @description The window of the budget: one of the SLO's, such as `90d`; the first one when absent. */
                    window?: string;
                };
                header?: never;
                path: {
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SloReport"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/sql": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Runs a query and answers with a file to save. */
        get: {
            parameters: {
                query: {
                    /** @description One statement; it may read and nothing else. */
                    query: string;
                    /** @description `json`, `ndjson`, `csv`, `arrow` or `parquet`; without it what `Accept` asks for. */
                    format?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SqlResult"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                406: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /** Runs a query. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SqlQuery"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SqlResult"];
                    };
                };
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                406: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the server and its configuration are. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Status"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/targets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every target of every scrape job with its last scrape, those that are down first. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TargetList"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every token and integration key by name, without secrets. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TokenList"];
                    };
                };
            };
        };
        put?: never;
        /** Makes a token or an integration key. The answer shows its secret, once. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewTokenBody"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["CreatedToken"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/tokens/{name}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Revokes a token and ends its sessions, or an integration key. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description One occurrence of an alert. */
        Alert: {
            acknowledged_at: components["schemas"]["Time"] | null;
            acknowledged_by: string | null;
            active_at: components["schemas"]["Time"] | null;
            alert: string;
            annotations: {
                [key: string]: string;
            };
            /** @description Why it fires, for people. */
            explains: string | null;
            fired_at: components["schemas"]["Time"] | null;
            id: string;
            incident_id: string | null;
            kind: components["schemas"]["AlertKind"];
            labels: {
                [key: string]: string;
            };
            resolved_at: components["schemas"]["Time"] | null;
            service: string | null;
            severity: string | null;
            /** @description `rule:...` or `slo:NAME`. */
            source: string;
            state: components["schemas"]["AlertState"];
            value: components["schemas"]["Number"] | null;
        };
        /** @enum {string} */
        AlertKind: "alert" | "notice";
        AlertList: {
            alerts: components["schemas"]["Alert"][];
        };
        /** @enum {string} */
        AlertState: "pending" | "firing" | "resolved";
        Backfill: {
            again: boolean;
            asked_at: components["schemas"]["Time"];
            ended_at: components["schemas"]["Time"] | null;
            error: string | null;
            from: components["schemas"]["Time"];
            /** Format: int64 */
            gaps: number;
            id: string;
            /** @description The objective that is being measured, as `SLO/OBJECTIVE`. */
            objective: string | null;
            /** Format: int64 */
            present: number;
            /**
             * Format: int64
             * @description Its slices looked at so far, and all of them.
             */
            slices_done: number;
            /** Format: int64 */
            slices_total: number;
            slo: string;
            state: components["schemas"]["BackfillState"];
            to: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Once it is done: slices written, there before, and without data.
             */
            written: number;
        };
        BackfillList: {
            /** @description Oldest first. */
            backfills: components["schemas"]["Backfill"][];
        };
        /** @enum {string} */
        BackfillState: "waiting" | "running" | "done" | "failed";
        Backup: {
            /** Format: int64 */
            bytes: number;
            error: string | null;
            /** Format: int64 */
            files: number;
            finished_at: components["schemas"]["Time"] | null;
            started_at: components["schemas"]["Time"];
            state: components["schemas"]["BackupState"];
            to: string;
        };
        BackupReport: {
            backup: components["schemas"]["Backup"] | null;
        };
        /** @enum {string} */
        BackupState: "running" | "done" | "failed";
        /** @enum {string} */
        BurnSeverity: "page" | "ticket";
        /** @enum {string} */
        BurnState: "quiet" | "one_window_over" | "pending" | "firing" | "held_low_volume" | "held_late_data" | "unknown";
        /** @description One burn-rate alert condition and how it stands. */
        BurnWindow: {
            /** Format: double */
            budget_used: number | null;
            /** Format: double */
            burn_long: number | null;
            /** Format: double */
            burn_short: number | null;
            long: string;
            severity: components["schemas"]["BurnSeverity"];
            short: string;
            state: components["schemas"]["BurnState"];
            /** Format: double */
            threshold: number;
        };
        Cardinality: {
            labels: components["schemas"]["LabelCardinality"][];
            /** @description The most expensive first; not all of them. */
            metrics: components["schemas"]["MetricCardinality"][];
            /**
             * Format: int64
             * @description Series in the index, and its limits.
             */
            series: number;
            /** Format: int64 */
            series_max: number;
            /** Format: int64 */
            series_per_metric_max: number;
            /** Format: int64 */
            series_per_source_max: number;
            sources: components["schemas"]["SourceCardinality"][];
        };
        /** @enum {string} */
        CauseKind: "incident" | "deploy";
        Component: {
            detail: string;
            name: string;
            ok: boolean;
        };
        /** @description The one time that a secret is shown. */
        CreatedToken: {
            name: string;
            role: components["schemas"]["Role"];
            token: string;
        };
        Defect: {
            file: string;
            /** Format: int64 */
            line: number | null;
            message: string;
            severity: components["schemas"]["DefectSeverity"];
        };
        /** @enum {string} */
        DefectSeverity: "error" | "warning";
        DeliveryReport: {
            from: components["schemas"]["Time"];
            /** @description By period, then by group. */
            rows: components["schemas"]["DeliveryRow"][];
            to: components["schemas"]["Time"];
        };
        /** @description The deployments to production that finished in one period, of one group. */
        DeliveryRow: {
            /**
             * Format: int64
             * @description Incidents that a deployment explains, and those that none does.
             */
            attributed_incidents: number;
            /**
             * Format: double
             * @description Failed over all deployments; null without deployments.
             */
            change_fail_rate: number | null;
            /** Format: int64 */
            deployments: number;
            /**
             * Format: double
             * @description Over the part of the period that has passed.
             */
            deployments_per_day: number;
            /** Format: int64 */
            failed_deployments: number;
            from: components["schemas"]["Time"];
            /** @description Commit to the first deployment that has it. */
            lead_time: components["schemas"]["Lengths"];
            /** @description A failed deployment's finish to the end of its last incident. */
            recovery: components["schemas"]["Lengths"];
            /** Format: int64 */
            rework_deployments: number;
            /** Format: double */
            rework_rate: number | null;
            service: string | null;
            team: string | null;
            to: components["schemas"]["Time"];
            /** Format: int64 */
            unattributed_incidents: number;
        };
        /** @description Time that the objective does not answer for, and who said so. */
        ExcludedTime: {
            actor: string | null;
            effect: components["schemas"]["ExclusionEffect"];
            from: components["schemas"]["Time"];
            maintenance_id: string;
            recorded_at: components["schemas"]["Time"];
            title: string;
            to: components["schemas"]["Time"];
        };
        /** @enum {string} */
        ExclusionEffect: "remove" | "count_as_good";
        /** @description A field at fault. */
        FieldError: {
            message: string;
            /** @description JSON pointer into the body, or `?name` for a query parameter. */
            pointer: string;
        };
        Gap: {
            from: components["schemas"]["Time"];
            to: components["schemas"]["Time"];
        };
        /** @description Whether a service may be changed now, and why. */
        Gate: {
            /** @description False when the verdict is `blocked`. */
            allowed: boolean;
            /** @description Everything that was looked at. */
            conditions: components["schemas"]["GateCondition"][];
            decided_at: components["schemas"]["Time"];
            /** @description Why, in one sentence with the deciding numbers. */
            explanation: string;
            next_freeze: components["schemas"]["GateFreeze"] | null;
            opened_by: components["schemas"]["GateOverride"] | null;
            /** @description The newest overrides of the service, those that are over too. */
            overrides: components["schemas"]["GateOverride"][];
            /** @description The gate policy that decided. */
            policy: string;
            service: string;
            verdict: components["schemas"]["GateVerdict"];
        };
        /** @enum {string} */
        GateCheck: "budget_remaining" | "burn_rate" | "open_incidents" | "firing_pages" | "change_fail_rate" | "freeze";
        /** @description One condition with the numbers that decided it. */
        GateCondition: {
            blocks: boolean;
            check: components["schemas"]["GateCheck"];
            /** @description The same in words. */
            detail: string;
            /** Format: double */
            limit: number;
            outcome: components["schemas"]["GateOutcome"];
            /** @description How the value has to be to the limit. */
            relation: components["schemas"]["GateRelation"];
            /** @description What it is about: an objective, a severity, a freeze. */
            subject: string | null;
            /** Format: double */
            value: number | null;
            /** @description What a burn rate or a change fail rate is over, such as `6h`. */
            window: string | null;
        };
        GateDecisionList: {
            /** @description The newest first. */
            decisions: components["schemas"]["PastGateDecision"][];
            /** @description Whether there are older ones in the time that was asked for. */
            more: boolean;
        };
        /** @description A time in which nothing is to be changed. */
        GateFreeze: {
            from: components["schemas"]["Time"];
            name: string;
            reason: string | null;
            until: components["schemas"]["Time"];
        };
        GateList: {
            gates: components["schemas"]["Gate"][];
        };
        /** @enum {string} */
        GateOutcome: "met" | "not_met" | "unknown";
        GateOverride: {
            /** @description Whether it still opens the gate. */
            active: boolean;
            actor: string;
            created_at: components["schemas"]["Time"];
            expires_at: components["schemas"]["Time"];
            /** Format: int64 */
            id: number;
            reason: string;
            revoke_reason: string | null;
            revoked_at: components["schemas"]["Time"] | null;
            revoked_by: string | null;
        };
        /** @description Opens a gate although it is blocked. */
        GateOverrideBody: {
            /** @description RFC 3339; at most the policy's `overrideMax` ahead, 24 hours unless it says otherwise. */
            expires_at: string;
            reason: string;
        };
        GateOverrideList: {
            /** @description The newest first, those that are over too. */
            overrides: components["schemas"]["GateOverride"][];
        };
        /** @enum {string} */
        GateRelation: "above" | "below" | "at_most";
        /** @description Takes an override back. */
        GateRevocationBody: {
            reason: string;
        };
        /** @enum {string} */
        GateVerdict: "allowed" | "blocked" | "overridden";
        GroupSpending: {
            /** Format: double */
            bad: number;
            /** Format: double */
            bad_share: number | null;
            group_key: string;
        };
        HistoryDeploy: {
            at: components["schemas"]["Time"];
            deploy_id: string;
            service: string;
            status: string;
            version: string;
        };
        HistoryIncident: {
            incident_id: string;
            restored_at: components["schemas"]["Time"] | null;
            severity: string;
            started_at: components["schemas"]["Time"];
            title: string;
        };
        HistoryPoint: {
            at: components["schemas"]["Time"];
            /** Format: double */
            error_budget_remaining: number | null;
            /** Format: double */
            good: number | null;
            /** Format: double */
            sli: number | null;
            /** Format: double */
            total: number | null;
        };
        ImpactReport: {
            from: components["schemas"]["Time"];
            /** @description Those that started in the time, oldest first. */
            incidents: components["schemas"]["IncidentImpact"][];
            /** @description By period, then by group. */
            rows: components["schemas"]["ImpactRow"][];
            to: components["schemas"]["Time"];
        };
        /** @description What the incidents that started in one period cost, of one group. */
        ImpactRow: {
            from: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description False alarms left out.
             */
            incidents: number;
            /** @description Unknown of those that go on. */
            minutes: components["schemas"]["ImpactSum"];
            requests_affected: components["schemas"]["ImpactSum"];
            /**
             * Format: int64
             * @description Incidents whose requests an objective counted: the least it can have been.
             */
            requests_measured: number;
            service: string | null;
            severity: string | null;
            team: string | null;
            to: components["schemas"]["Time"];
            user_minutes: components["schemas"]["ImpactSum"];
            /** @description Of several incidents it may be the same users. */
            users_affected: components["schemas"]["ImpactSum"];
        };
        /** @description A sum over the incidents of which something is known. */
        ImpactSum: {
            /**
             * Format: double
             * @description Null when nothing is known of any.
             */
            total: number | null;
            /**
             * Format: int64
             * @description Incidents of which it is not known.
             */
            unknown: number;
        };
        Incident: {
            acknowledged_at: components["schemas"]["Time"] | null;
            acknowledged_by: string | null;
            /** Format: int64 */
            alerts_firing: number;
            closed_at: components["schemas"]["Time"] | null;
            commander: string | null;
            detected_at: components["schemas"]["Time"] | null;
            incident_id: string;
            mitigated_at: components["schemas"]["Time"] | null;
            resolved_at: components["schemas"]["Time"] | null;
            restored_at: components["schemas"]["Time"] | null;
            service: string | null;
            severity: string;
            /** @description `evenkeel`, or `imported`. */
            source: string;
            started_at: components["schemas"]["Time"];
            state: components["schemas"]["IncidentState"];
            title: string;
        };
        /** @description An incident with everything around it. */
        IncidentDetail: components["schemas"]["Incident"] & {
            alerts: components["schemas"]["Alert"][];
            pages: components["schemas"]["Page"][];
            retrospective: components["schemas"]["RetrospectiveRef"] | null;
            /** @description Runbooks that fit its alerts. */
            runbooks: components["schemas"]["RunbookSuggestion"][];
            runs: components["schemas"]["Run"][];
        };
        /** @description Whom an incident hurt; what nobody knows is null. */
        IncidentImpact: {
            ended_at: components["schemas"]["Time"] | null;
            incident_id: string;
            /** Format: double */
            minutes: number | null;
            /** Format: double */
            requests_affected: number | null;
            requests_source: components["schemas"]["RequestsSource"] | null;
            service: string | null;
            severity: string | null;
            started_at: components["schemas"]["Time"];
            /** @description That of the service, as it is configured now. */
            team: string | null;
            /** Format: double */
            user_minutes: number | null;
            /** Format: double */
            users_affected: number | null;
        };
        IncidentList: {
            /** @description The newest first. */
            incidents: components["schemas"]["Incident"][];
        };
        /** @enum {string} */
        IncidentState: "triage" | "investigating" | "identified" | "mitigated" | "resolved" | "closed" | "declined" | "merged";
        LabelCardinality: {
            label: string;
            /**
             * Format: int64
             * @description Series that have the label.
             */
            series: number;
            /**
             * Format: int64
             * @description Text of the values, counted for each series.
             */
            value_bytes: number;
            /**
             * Format: int64
             * @description Distinct values.
             */
            values: number;
        };
        /** @description The newest deploy. */
        LastChange: {
            /** @description When it finished; while it goes on, when it began. */
            at: components["schemas"]["Time"];
            deploy_id: string;
            status: string;
            version: string;
        };
        /** @description A summary of lengths of time; no mean without the number that it is over. */
        Lengths: {
            /** Format: double */
            mean_secs: number | null;
            /** Format: double */
            median_secs: number | null;
            /**
             * Format: int64
             * @description Over, but a time was not recorded.
             */
            missing: number;
            /**
             * Format: int64
             * @description How many are in the summary.
             */
            n: number;
            /**
             * Format: int64
             * @description Ended before they began: bad data.
             */
            negative: number;
            /**
             * Format: int64
             * @description Still running: counted, never averaged.
             */
            open: number;
            /** Format: double */
            p90_secs: number | null;
        };
        Link: {
            /** @description A path of the dashboard. */
            href: string;
            label: string;
        };
        /** @description Lines by what their severity means. */
        LogBar: {
            /** @description Its beginning. */
            at: components["schemas"]["Time"];
            /** Format: int64 */
            debug: number;
            /** Format: int64 */
            error: number;
            /** Format: int64 */
            fatal: number;
            /** Format: int64 */
            info: number;
            /**
             * Format: int64
             * @description Without a severity, or with one that nobody knows.
             */
            other: number;
            /** Format: int64 */
            trace: number;
            /** Format: int64 */
            warn: number;
        };
        /** @description Both in the order of time. */
        LogContext: {
            after: components["schemas"]["LogLine"][];
            before: components["schemas"]["LogLine"][];
        };
        LogFacet: {
            /**
             * Format: int64
             * @description Different values, of which `values` may be some.
             */
            distinct: number;
            /**
             * Format: int64
             * @description Lines that have it.
             */
            lines: number;
            name: string;
            /** @description The most frequent first. */
            values: components["schemas"]["LogFacetValue"][];
        };
        LogFacetValue: {
            /** Format: int64 */
            lines: number;
            value: string;
        };
        LogFacets: {
            /** @description The most frequent first, counted in the sampled lines; without those that only repeat a column. */
            attributes: components["schemas"]["LogFacet"][];
            /** @description `service`, `severity`, `host` and `env`, counted in all lines. */
            columns: components["schemas"]["LogFacet"][];
            /**
             * Format: int64
             * @description The newest of them, in which attributes are counted.
             */
            sampled: number;
            /**
             * Format: int64
             * @description Lines that match.
             */
            total: number;
        };
        LogHistogram: {
            /** @description In the order of time; times without lines have none. */
            bars: components["schemas"]["LogBar"][];
            /**
             * Format: int64
             * @description What a bar spans.
             */
            step_secs: number;
            /**
             * Format: int64
             * @description Lines in all bars.
             */
            total: number;
        };
        /** @enum {string} */
        LogLevel: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
        LogLine: {
            attrs: {
                [key: string]: string;
            };
            body: string;
            env: string | null;
            host: string | null;
            /** @description Names the line: for `/api/logs/context`. */
            id: string;
            level: components["schemas"]["LogLevel"] | null;
            service: string | null;
            /** @description As the sender wrote it, in upper case. */
            severity: string | null;
            span_id: string | null;
            trace_id: string | null;
            ts: components["schemas"]["Time"];
            /**
             * Format: int32
             * @description Nanoseconds below the microsecond of `ts`.
             */
            ts_ns_rem: number;
        };
        LogPage: {
            /** @description In the order asked for. */
            lines: components["schemas"]["LogLine"][];
            /** @description `after` of the next page; null when this is the last one. */
            next: string | null;
        };
        LoginLinkCreated: {
            expires_at: components["schemas"]["Time"];
            /** @description Relative when no external URL is configured. */
            url: string;
        };
        Mail: {
            from: string;
            html: string | null;
            id: string;
            /** @description The links in the text, in order. */
            links: string[];
            received_at: components["schemas"]["Time"];
            subject: string;
            text: string;
            to: string;
        };
        MailList: {
            mails: components["schemas"]["Mail"][];
        };
        MetricCardinality: {
            metric: string;
            /**
             * Format: double
             * @description Over the last minutes.
             */
            samples_per_minute: number;
            /** Format: int64 */
            series: number;
            widest_label: components["schemas"]["WidestLabel"] | null;
        };
        NewBackfill: {
            /** @description Whether slices that are there are measured again, for data that came very late. */
            again?: boolean;
            /** @description RFC 3339; the oldest data when absent. */
            from?: string | null;
            /** @description RFC 3339, not included; now when absent. */
            to?: string | null;
        };
        NewBackup: {
            /** @description A new directory: a name below the server's `backup.dir`, or a path into it. */
            to: string;
        };
        /** @description Declares an incident by hand. */
        NewIncidentBody: {
            service?: string | null;
            /** @description `SEV1` to `SEV5`. */
            severity: string;
            title: string;
        };
        NewLoginLinkBody: {
            name: string;
            role: components["schemas"]["Role"];
        };
        /** @description Starts a run; nothing is carried out yet. */
        NewRunBody: {
            incident_id?: string | null;
            params?: {
                [key: string]: string;
            };
            runbook_id: string;
        };
        /** @description A token to open a session with. */
        NewSessionBody: {
            token: string;
        };
        NewTokenBody: {
            expires_at?: components["schemas"]["Time"] | null;
            name: string;
            role: components["schemas"]["Role"];
            /**
             * @description Makes an integration key (a PagerDuty `routing_key`) that speaks for this service alone; its
             *     role is `ingest`.
             */
            service?: string | null;
        };
        /** @enum {string} */
        NoData: "no_traffic" | "gap";
        NoteBody: {
            text: string;
        };
        /** @description A number that JSON may have no word for: `"NaN"`, `"+Inf"` and `"-Inf"` are strings. */
        Number: number | string;
        /** @description The configuration directory as it was last read. */
        Objects: {
            defects: components["schemas"]["Defect"][];
            /** Format: int64 */
            files: number;
        };
        OnCallList: {
            schedules: components["schemas"]["OnCallSchedule"][];
        };
        OnCallNext: {
            at: components["schemas"]["Time"];
            user: string;
        };
        OnCallNow: {
            until: components["schemas"]["Time"] | null;
            user: string;
        };
        OnCallSchedule: {
            display_name: string;
            /** @description When nobody is on call, within the span that was looked at. */
            gaps: components["schemas"]["Gap"][];
            name: string;
            next: components["schemas"]["OnCallNext"] | null;
            on_call: components["schemas"]["OnCallNow"] | null;
            timezone: string;
        };
        /** @description One message to one recipient. */
        Page: {
            acknowledged_at: components["schemas"]["Time"] | null;
            address: string | null;
            alert: string | null;
            channel: string;
            delivered_at: components["schemas"]["Time"] | null;
            error: string | null;
            incident_id: string;
            page_id: string;
            queued_at: components["schemas"]["Time"] | null;
            recipient: string;
            sent_at: components["schemas"]["Time"] | null;
            state: components["schemas"]["PageState"];
            /**
             * Format: int64
             * @description Of the escalation, from 1.
             */
            step: number | null;
        };
        /** @enum {string} */
        PageState: "queued" | "sending" | "sent" | "delivered" | "failed" | "cancelled" | "acknowledged";
        /** @description What a gate answered once. */
        PastGateDecision: {
            /** @description Who asked. */
            actor: string | null;
            at: components["schemas"]["Time"];
            /** @description Everything that was looked at. */
            conditions: components["schemas"]["GateCondition"][];
            /** @description The event that tells it. */
            event_id: string;
            /** @description Why, in one sentence with the deciding numbers. */
            explanation: string | null;
            /**
             * Format: int64
             * @description The override that opened the gate.
             */
            override_id: number | null;
            /** @description The gate policy that decided. */
            policy: string | null;
            service: string;
            verdict: components["schemas"]["GateVerdict"];
        };
        /** @description The body of an error. */
        Problem: {
            /** @description What happened this time. */
            detail: string;
            errors?: components["schemas"]["FieldError"][];
            /** Format: int32 */
            status: number;
            /** @description What kind of failure, the same for all of its kind. */
            title: string;
        };
        /**
         * @description What the burn rate of the last hour leads to, and the band between the slowest and the fastest of
         *     the burn windows.
         */
        ProjectionPoint: {
            at: components["schemas"]["Time"];
            /** Format: double */
            error_budget_remaining: number;
            /** Format: double */
            high: number;
            /** Format: double */
            low: number;
        };
        RecoveryReport: {
            from: components["schemas"]["Time"];
            /** @description By period, then by group. */
            rows: components["schemas"]["RecoveryRow"][];
            to: components["schemas"]["Time"];
        };
        /** @description The incidents that started in one period, of one group. */
        RecoveryRow: {
            /** @description Detected to acknowledged by a person; the mean is the MTTA. */
            acknowledge: components["schemas"]["Lengths"];
            /** Format: double */
            availability: number | null;
            /** @description Started to detected; the mean is the MTTD. */
            detect: components["schemas"]["Lengths"];
            /**
             * Format: double
             * @description Union of the incidents' times within the period.
             */
            downtime_secs: number;
            /**
             * Format: int64
             * @description Separate stretches of downtime.
             */
            failures: number;
            /** Format: int64 */
            false_alarms: number;
            from: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description False alarms left out.
             */
            incidents: number;
            /**
             * Format: double
             * @description Mean of restored to the next failure; null with fewer than two such gaps.
             */
            mtbf_secs: number | null;
            /**
             * Format: double
             * @description Mean of failure start to failure start.
             */
            mtbsi_secs: number | null;
            /** Format: int64 */
            oldest_open_secs: number | null;
            /**
             * Format: int64
             * @description Those that go on.
             */
            open: number;
            /**
             * Format: double
             * @description Share of the incidents that were real.
             */
            precision: number | null;
            /** @description Started to repaired. */
            repair: components["schemas"]["Lengths"];
            /** @description Started to resolved. */
            resolve: components["schemas"]["Lengths"];
            /** @description The same without the pauses before reopenings. */
            resolve_active: components["schemas"]["Lengths"];
            /** @description Detected to restored. */
            respond: components["schemas"]["Lengths"];
            /** @description Started to restored; the mean is the MTTR. */
            restore: components["schemas"]["Lengths"];
            service: string | null;
            severity: string | null;
            team: string | null;
            to: components["schemas"]["Time"];
            /**
             * Format: double
             * @description The other school's MTBF: uptime over failures.
             */
            uptime_per_failure_secs: number | null;
        };
        /** @enum {string} */
        RequestsSource: "reported" | "slo";
        Retrospective: {
            created_at: components["schemas"]["Time"];
            /** @description The Markdown, rendered and made safe. */
            html: string;
            id: string;
            incident_id: string;
            markdown: string;
            state: components["schemas"]["RetrospectiveState"];
            title: string;
            updated_at: components["schemas"]["Time"];
            updated_by: string | null;
        };
        RetrospectiveBody: {
            markdown: string;
        };
        RetrospectiveList: {
            retrospectives: components["schemas"]["RetrospectiveSummary"][];
        };
        /** @description The retrospective an incident has. */
        RetrospectiveRef: {
            id: string;
            state: components["schemas"]["RetrospectiveState"];
        };
        /** @enum {string} */
        RetrospectiveState: "draft" | "published";
        RetrospectiveSummary: {
            id: string;
            incident_id: string;
            service: string | null;
            severity: string;
            state: components["schemas"]["RetrospectiveState"];
            title: string;
            updated_at: components["schemas"]["Time"];
        };
        /**
         * @description What a caller may do. `ingest` only writes telemetry and reads nothing; the other three are a
         *     ladder, and `admin` may also write telemetry.
         * @enum {string}
         */
        Role: "ingest" | "viewer" | "responder" | "admin";
        Run: {
            finished_at: components["schemas"]["Time"] | null;
            id: string;
            incident_id: string | null;
            runbook_id: string;
            runbook_title: string;
            started_at: components["schemas"]["Time"];
            started_by: string;
            state: components["schemas"]["RunState"];
            steps: components["schemas"]["RunStep"][];
        };
        /** @enum {string} */
        RunState: "open" | "done" | "failed" | "cancelled";
        RunStep: {
            actor: string | null;
            /** Format: int64 */
            exit_code: number | null;
            finished_at: components["schemas"]["Time"] | null;
            html: string;
            kind: components["schemas"]["StepKind"];
            name: string;
            output: string | null;
            preview: string | null;
            started_at: components["schemas"]["Time"] | null;
            state: components["schemas"]["StepState"];
            title: string;
        };
        Runbook: {
            /** @description What stands before the first step, rendered and made safe. */
            html: string;
            id: string;
            owner: string | null;
            params: components["schemas"]["RunbookParam"][];
            risk: string | null;
            source: string;
            steps: components["schemas"]["RunbookStep"][];
            title: string;
        };
        RunbookList: {
            runbooks: components["schemas"]["RunbookSummary"][];
        };
        RunbookParam: {
            default: string | null;
            /** @description The alert's label that fills it in. */
            from_alert: string | null;
            name: string;
            required: boolean;
            secret: boolean;
            type: string;
        };
        RunbookStep: {
            /** @description The role that has to approve. */
            approve: string | null;
            confirm: boolean;
            html: string;
            kind: components["schemas"]["StepKind"];
            name: string;
            /** @description What would be carried out. */
            preview: string | null;
            timeout: string | null;
            title: string;
        };
        /** @description A runbook that fits an incident's alerts. */
        RunbookSuggestion: {
            id: string;
            reason: string;
            risk: string | null;
            title: string;
        };
        RunbookSummary: {
            id: string;
            owner: string | null;
            risk: string | null;
            /** @description The file it comes from. */
            source: string;
            steps: number;
            title: string;
        };
        ServiceList: {
            /** @description The worst first. */
            services: components["schemas"]["ServiceSummary"][];
        };
        /**
         * @description A service is as well as its worst SLO.
         * @enum {string}
         */
        ServiceStatus: "breached" | "at_risk" | "no_data" | "healthy";
        ServiceSummary: {
            alerts_firing: number;
            description: string;
            display_name: string;
            incidents_open: number;
            last_change: components["schemas"]["LastChange"] | null;
            name: string;
            /** @description Names of users. */
            on_call: string[];
            slo_count: number;
            status: components["schemas"]["ServiceStatus"];
            team: string | null;
            /** @description Of the open incidents: `SEV1` is worse than `SEV2`. */
            worst_severity: string | null;
            worst_slo: components["schemas"]["SloStatus"] | null;
        };
        /** @description The caller, and what the dashboard needs to know about this server. */
        Session: {
            demo: boolean;
            /** @description What links start with; empty when it is not configured. */
            external_url: string;
            name: string;
            role: components["schemas"]["Role"];
            version: string;
        };
        SeverityBody: {
            /** @description `SEV1` to `SEV5`. */
            severity: string;
        };
        /** @description Where an SLO is written. */
        SloDefinition: {
            file: string;
            /** Format: int64 */
            line: number;
            yaml: string;
        };
        /** @description An SLO: the fields of its worst objective, and all of them. */
        SloDetail: components["schemas"]["SloStatus"] & {
            /** @description Whether its burn rates page. */
            alerts: boolean;
            definition: components["schemas"]["SloDefinition"];
            description: string;
            /** @description The same objectives over the further windows. */
            further_windows: components["schemas"]["SloStatus"][];
            objectives: components["schemas"]["SloStatus"][];
            /** @description Its objectives whose indicator cannot be measured, and why. */
            problems: components["schemas"]["SloProblem"][];
        };
        /** @description The burn-down of one objective, and what happened meanwhile. */
        SloHistory: {
            deploys: components["schemas"]["HistoryDeploy"][];
            incidents: components["schemas"]["HistoryIncident"][];
            points: components["schemas"]["HistoryPoint"][];
            /** @description From the newest measurement on; empty when the range does not reach it, and without data. */
            projection: components["schemas"]["ProjectionPoint"][];
        };
        SloList: {
            /** @description The same objectives over the further windows of their SLOs; nothing alerts on these. */
            further_windows: components["schemas"]["SloStatus"][];
            /** @description Objectives whose indicator cannot be measured, and why. */
            problems: components["schemas"]["SloProblem"][];
            slos: components["schemas"]["SloStatus"][];
        };
        /** @description An objective whose indicator could not be measured the last time. */
        SloProblem: {
            /** @description Why. */
            problem: string;
            /** @description The SLO and its objective, as `NAME/OBJECTIVE`. */
            slo_id: string;
        };
        SloReport: {
            burn: components["schemas"]["WindowBurn"][];
            /** @description What does not count in the window. */
            excluded: components["schemas"]["ExcludedTime"][];
            /** @description The group's parts of all that was bad, the worst first; empty without groups. */
            groups: components["schemas"]["GroupSpending"][];
            spent: components["schemas"]["Spent"];
            /** @description As in lists, for the time that was asked for. */
            status: components["schemas"]["SloStatus"];
        };
        /** @enum {string} */
        SloState: "healthy" | "at_risk" | "breached" | "no_data" | "frozen";
        /** @description One objective at one watermark. The numbers of `slo_status` under the same names. */
        SloStatus: {
            /** Format: double */
            allowed_bad: number | null;
            as_of: components["schemas"]["Time"] | null;
            /** Format: double */
            bad: number | null;
            /** Format: double */
            burn_rate_1h: number | null;
            /** Format: double */
            burn_rate_6h: number | null;
            burn_windows: components["schemas"]["BurnWindow"][];
            /**
             * Format: int64
             * @description Slices that reported more good than total events and count as all good.
             */
            clamped_slices: number;
            /**
             * Format: double
             * @description Share of the budget that is spent.
             */
            consumed: number | null;
            /** Format: double */
            coverage: number | null;
            display_name: string;
            /** Format: double */
            error_budget_remaining: number | null;
            /**
             * Format: double
             * @description In seconds of a complete outage, signed.
             */
            error_budget_remaining_secs: number | null;
            /**
             * Format: double
             * @description Against the budget of the time up to now, instead of the whole period's.
             */
            error_budget_remaining_to_date: number | null;
            /**
             * Format: double
             * @description In events or time slices, signed.
             */
            error_budget_remaining_units: number | null;
            exhausted_at: components["schemas"]["Time"] | null;
            /**
             * Format: int64
             * @description How long the rest lasts when nothing comes back.
             */
            exhausted_in_fixed_window_secs: number | null;
            /**
             * Format: int64
             * @description How long a whole budget lasts at the burn rate of the last hour.
             */
            exhausted_in_pace_secs: number | null;
            /**
             * Format: int64
             * @description How long it lasts while old spending leaves a rolling window.
             */
            exhausted_in_rolling_secs: number | null;
            /** Format: int64 */
            exhausted_in_secs: number | null;
            /** Format: double */
            good: number | null;
            /** @description The key of the group that this is about; empty without groups. */
            group_key: string;
            /** @description The budgeting method, by its OpenSLO name. */
            method: string;
            no_data: components["schemas"]["NoData"] | null;
            objective: string;
            service: string;
            /** Format: double */
            sli: number | null;
            slo: string;
            state: components["schemas"]["SloState"];
            /** Format: double */
            target: number;
            /** Format: double */
            total: number | null;
            /** @description Such as `30d`. */
            window: string;
        };
        SourceCardinality: {
            /**
             * Format: int64
             * @description Rows refused since the start of the server.
             */
            rejected: number;
            /**
             * Format: int64
             * @description Stored since the start of the server.
             */
            samples: number;
            /**
             * Format: int64
             * @description Series that it sent first.
             */
            series: number;
            /** @description Dialect and token. */
            source: string;
        };
        Spending: {
            /** Format: double */
            bad: number;
            /**
             * Format: double
             * @description As a share of all that was bad in the window.
             */
            bad_share: number | null;
            /**
             * Format: double
             * @description As a share of the budget of the window.
             */
            budget_share: number | null;
            from: components["schemas"]["Time"];
            /** @description The incident's or deploy's id. */
            id: string;
            kind: components["schemas"]["CauseKind"];
            title: string;
            to: components["schemas"]["Time"];
        };
        /** @description What ate the budget. Causes may overlap; each is told what happened while it lasted. */
        Spent: {
            /** Format: double */
            allowed_bad: number | null;
            /** Format: double */
            bad: number;
            /** @description The largest first. */
            causes: components["schemas"]["Spending"][];
            from: components["schemas"]["Time"];
            to: components["schemas"]["Time"];
            /**
             * Format: double
             * @description What happened during none of them.
             */
            unexplained_bad: number;
            /** Format: double */
            unexplained_budget_share: number | null;
        };
        SqlColumn: {
            name: string;
            type: string;
        };
        SqlQuery: {
            parameters?: unknown[];
            /** @description One statement; it may read and nothing else. */
            query: string;
        };
        /** @description The JSON form of a result. Written by `query::formats`; here for the API document only. */
        SqlResult: {
            columns: components["schemas"]["SqlColumn"][];
            rows: unknown[][];
        };
        Status: {
            components: components["schemas"]["Component"][];
            /** @description Counters of the receivers since the start, by name. */
            ingest: Record<string, unknown>;
            objects: components["schemas"]["Objects"];
            ready: boolean;
            started_at: components["schemas"]["Time"];
            version: string;
        };
        /** @enum {string} */
        StepKind: "command" | "http" | "manual";
        /** @enum {string} */
        StepState: "waiting" | "running" | "succeeded" | "failed" | "skipped" | "done";
        /** @description Event `lagged` of the live tail. */
        TailLagged: {
            /**
             * Format: int64
             * @description Stored lines, of this filter or not, that went by unread.
             */
            lines: number;
        };
        /** @description Event `lines` of the live tail. */
        TailLines: {
            /** @description In the order in which they were stored. */
            lines: components["schemas"]["LogLine"][];
        };
        Target: {
            /** @description What was refused while the rest was stored. */
            complaint: string | null;
            /** Format: double */
            duration_secs: number | null;
            error: string | null;
            health: components["schemas"]["TargetHealth"];
            instance: string;
            /** @description Such as `15s`. */
            interval: string;
            job: string;
            labels: {
                [key: string]: string;
            };
            last_scrape: components["schemas"]["Time"] | null;
            /**
             * Format: int64
             * @description After relabelling.
             */
            samples: number;
            url: string;
        };
        TargetFault: {
            job: string;
            message: string;
        };
        /** @enum {string} */
        TargetHealth: "down" | "unknown" | "up";
        TargetList: {
            /** @description What discovery or relabelling made no target of, and limits that are reached. */
            faults: components["schemas"]["TargetFault"][];
            /** @description Those that are down first. */
            targets: components["schemas"]["Target"][];
        };
        /** Format: date-time */
        Time: string;
        Timeline: {
            entries: components["schemas"]["TimelineEntry"][];
        };
        /** @description One line. It cites the event that it was made from. */
        TimelineEntry: {
            actor: string | null;
            at: components["schemas"]["Time"];
            detail: string | null;
            event_id: string;
            kind: string;
            links: components["schemas"]["Link"][];
            title: string;
        };
        /** @description A token without its secret. */
        Token: {
            created_at: components["schemas"]["Time"];
            created_by: string;
            expires_at: components["schemas"]["Time"] | null;
            last_used_at: components["schemas"]["Time"] | null;
            name: string;
            role: components["schemas"]["Role"];
            /** @description The one service that an integration key speaks for; null for a token. */
            service: string | null;
        };
        TokenList: {
            tokens: components["schemas"]["Token"][];
        };
        /** @description What may go with a verb. */
        VerbBody: {
            /** @description Put on the timeline. */
            note?: string | null;
        };
        WidestLabel: {
            label: string;
            /** Format: int64 */
            values: number;
        };
        WindowBurn: {
            /**
             * Format: double
             * @description Share of the whole budget that the window spent.
             */
            budget_used: number | null;
            /** Format: double */
            burn_rate: number | null;
            /** Format: double */
            coverage: number;
            /** @description Such as `6h`. */
            window: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
