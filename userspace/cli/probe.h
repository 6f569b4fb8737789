/* SPDX-License-Identifier: MIT */
/*
 * One empty request to a receiver, by the code that ships and with what shows who sends:
 * whether all that stands between is well, and what the receiver says to it.
 */
#ifndef HADAL_CLI_PROBE_H
#define HADAL_CLI_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

enum probe_outcome {
	PROBE_ANSWERED,
	PROBE_FAILED,		/* there was no answer */
	PROBE_UNSENT,		/* as a credential may not go there, or the address is none */
	PROBE_DENIED,		/* what shows who sends could not be had */
};

struct probe {
	enum probe_outcome outcome;
	char shown[256];	/* of the address, what may be shown */
	int curl_code;		/* FAILED: CURLcode */
	char trouble[256];	/* why there is no answer; without a secret */
	long status;		/* ANSWERED: HTTP's */
	bool dated;		/* it told what time it is */
	int64_t ahead;		/* s that its clock is ahead of this host's */
};

/**
 * probe_receiver() - ask the receiver of a sink, of each signal that goes there
 * @own: that sets what [otlp] does for it
 * @probe: what came of the first signal that failed or was refused, else of the last
 */
void probe_receiver(const struct hadal_sink_config *sink, const struct config *own, struct probe *probe);

#endif
