/* SPDX-License-Identifier: MIT */
/*
 * The screen of hadal top.
 */
#ifndef HADAL_CLI_TOP_SCREEN_H
#define HADAL_CLI_TOP_SCREEN_H

#include "top_table.h"	/* before <term.h>, whose macros have common words for names */

enum { TOP_FILTER_SIZE = 64 };

/* What is shown, and how. */
struct top_state {
	enum top_view view;
	enum top_column column;		/* that it is sorted by */
	char filter[TOP_FILTER_SIZE];	/* "": none */
	bool typing;			/* the filter is being typed */
	bool paused;
	bool help;
	bool waiting;			/* for hadald's answer, and for so long that it is said */
	unsigned int waited;		/* s */
	bool failed;			/* the last time hadald was asked: error is why */
	char error[QUERY_ERROR_SIZE];
	size_t first;			/* row on top */
};

/* Takes over the terminal. Returns false, having said so, where it is none that can be drawn on. */
bool top_screen_open(void);
void top_screen_close(void);

void top_screen_draw(const struct top_table *table, struct top_state *state);

/* Waits for a key, @wait ms at most, -1: for ever. Returns -1: none came. Keys as ncurses has them. */
int top_screen_key(int wait);

/* Whether the terminal is gone, or SIGQUIT came: there is nothing more to draw for. */
bool top_screen_is_over(void);

/*
 * Changes @state by a key. Returns false for the end. What another view needs
 * has to be asked for anew.
 */
bool top_key(struct top_state *state, int key);

#endif
