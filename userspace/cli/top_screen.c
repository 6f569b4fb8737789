/* SPDX-License-Identifier: MIT */
#include "top_screen.h"

#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>

#include "cli.h"
#include "columns.h"

enum {
	HEAD_LINES = 3,
	KEY_ESCAPE = 27,
	WIDTH_MAX = 1000,
	LINE_SIZE = 4 * WIDTH_MAX + 1,
	PAIR_HEAD = 1,
	PAIR_WRONG,
};

static bool colors;
static bool hung_up;
static volatile sig_atomic_t quitting;
static sigset_t outside;	/* the signals that were held before */

/* ncurses itself ends the program without a word where it does not know the terminal. */
static bool can_draw(void)
{
	const char *name = getenv("TERM");
	int found;

	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		complain("top: this is no terminal; --batch prints tables, --json one document");
		return false;
	}
	if (name && setupterm(name, STDOUT_FILENO, &found) == OK && tigetstr("cup") && tigetstr("clear"))
		return true;
	complain("top: a terminal of type '%s' cannot be drawn on; --batch prints tables", name ? name : "");
	return false;
}

static void start_colors(void)
{
	const char *refused = getenv("NO_COLOR");

	colors = has_colors() && !(refused && *refused);
	if (!colors)
		return;
	start_color();
	use_default_colors();
	init_pair(PAIR_HEAD, COLOR_CYAN, -1);
	init_pair(PAIR_WRONG, COLOR_RED, -1);
}

static void quit(int signal)
{
	(void)signal;
	quitting = 1;
}

/* They come while a key is waited for and at no other time: none is missed, and none leaves the terminal as it is. */
static void hold_signals(void)
{
	struct sigaction action = { .sa_handler = quit };
	sigset_t held;

	sigaction(SIGQUIT, &action, NULL);
	sigemptyset(&held);
	sigaddset(&held, SIGQUIT);
	sigaddset(&held, SIGWINCH);
	sigprocmask(SIG_BLOCK, &held, &outside);
}

bool top_screen_open(void)
{
	setlocale(LC_CTYPE, "");
	if (!can_draw())
		return false;
	initscr();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	start_colors();
	timeout(0);
	hold_signals();
	return true;
}

void top_screen_close(void)
{
	endwin();
	sigprocmask(SIG_SETMASK, &outside, NULL);
}

static void wait_for_key(int wait)
{
	const struct timespec time = { .tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000L };
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	hung_up = ppoll(&input, 1, wait < 0 ? NULL : &time, &outside) > 0 &&
		  input.revents & (POLLHUP | POLLERR | POLLNVAL);
}

/* What ncurses has read already, or a new size, can't be waited for. */
int top_screen_key(int wait)
{
	int key = getch();

	if (key != ERR)
		return key;
	wait_for_key(wait);
	return getch();
}

bool top_screen_is_over(void)
{
	return hung_up || quitting;
}

/* ---- drawing ---- */

static unsigned int screen_width(void)
{
	return COLS > WIDTH_MAX ? WIDTH_MAX : (unsigned int)COLS;
}

static void put_line(int line, attr_t attributes, const char *text)
{
	char out[LINE_SIZE];

	if (line >= LINES)
		return;
	fit(out, sizeof(out), screen_width(), text, "");
	attrset((int)attributes);
	mvaddstr(line, 0, out);
	attrset(A_NORMAL);
}

static attr_t color(int pair, attr_t otherwise)
{
	return colors ? (attr_t)COLOR_PAIR(pair) | otherwise : otherwise;
}

static void draw_title(const struct top_state *state)
{
	char text[512], clock[16];
	time_t now = time(NULL);
	struct tm date;

	localtime_r(&now, &date);
	strftime(clock, sizeof(clock), "%H:%M:%S", &date);
	snprintf(text, sizeof(text), "hadal %s by %s, %s first%s%s%s%s", clock, top_view_name(state->view),
		 top_column_name(state->column), state->paused ? ", paused" : "",
		 *state->filter || state->typing ? ", /" : "", state->filter, state->typing ? "_" : "");
	put_line(0, A_BOLD, text);
}

static double sum_of(const struct top_table *table, enum top_column column)
{
	double sum = 0;

	for (size_t i = 0; i < table->count; i++)
		sum += table->list[i].value[column];
	return sum;
}

/* What is wrong comes before what is. */
static void draw_sum(const struct top_table *table, const struct top_state *state)
{
	char text[QUERY_ERROR_SIZE], live[SHORT_SIZE], out[SHORT_SIZE], in[SHORT_SIZE];

	if (state->waiting) {
		snprintf(text, sizeof(text), "waiting for hadald's answer for %u s; q quits", state->waited);
		put_line(1, A_BOLD, text);
		return;
	}
	if (state->failed) {
		put_line(1, color(PAIR_WRONG, A_BOLD), state->error);
		return;
	}
	short_count((uint64_t)sum_of(table, TOP_LIVE), live);
	short_bytes((uint64_t)sum_of(table, TOP_OUT), out);
	short_bytes((uint64_t)sum_of(table, TOP_IN), in);
	snprintf(text, sizeof(text), "%zu rows, %s live, out %s/s, in %s/s%s", table->count, live, out, in,
		 table->left_out ? "; hadald left some out" : "");
	put_line(1, A_NORMAL, text);
}

static void draw_help(void)
{
	static const char *const keys[] = {
		"s t c p e  by service, task,", "           container, process, edge", "o          next order",
		"/          filter by name", "space      pause, go on", "arrows, page up and down, home",
		"q          quit", "any key    back",
	};

	for (unsigned int i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put_line(HEAD_LINES + (int)i, A_NORMAL, keys[i]);
}

static void draw_rows(const struct top_table *table, const struct top_state *state)
{
	char text[LINE_SIZE];

	for (int line = HEAD_LINES; line < LINES; line++) {
		size_t row = state->first + (size_t)(line - HEAD_LINES);

		if (row >= table->count)
			break;
		top_line(table, row, screen_width(), text, sizeof(text));
		put_line(line, A_NORMAL, text);
	}
}

void top_screen_draw(const struct top_table *table, struct top_state *state)
{
	char text[LINE_SIZE];

	if (state->first >= table->count)
		state->first = table->count ? table->count - 1 : 0;
	erase();
	draw_title(state);
	draw_sum(table, state);
	top_head(state->view, screen_width(), text, sizeof(text));
	put_line(2, color(PAIR_HEAD, A_REVERSE), text);
	if (state->help)
		draw_help();
	else
		draw_rows(table, state);
	refresh();
}

/* ---- keys ---- */

static void set_view(struct top_state *state, enum top_view view)
{
	state->view = view;
	state->first = 0;
	if (!top_has_column(view, state->column))
		state->column = top_default_column(view);
}

static void next_column(struct top_state *state)
{
	do {
		state->column = (state->column + 1) % TOP_COLUMNS;
	} while (!top_has_column(state->view, state->column));
}

static void type_filter(struct top_state *state, int key)
{
	size_t length = strlen(state->filter);

	switch (key) {
	case '\r':
	case '\n':
	case KEY_ENTER:
		state->typing = false;
		break;
	case KEY_ESCAPE:
		state->typing = false;
		state->filter[0] = '\0';
		break;
	case KEY_BACKSPACE:
	case 127:
	case '\b':
		if (length)
			state->filter[length - 1] = '\0';
		break;
	default:
		if (key < ' ' || key > '~' || length + 1 >= sizeof(state->filter))
			return;
		state->filter[length] = (char)key;
		state->filter[length + 1] = '\0';
	}
	state->first = 0;
}

static void scroll_rows(struct top_state *state, int key)
{
	size_t page = LINES > HEAD_LINES + 1 ? (size_t)(LINES - HEAD_LINES) : 1;

	switch (key) {
	case KEY_DOWN:
		state->first++;
		break;
	case KEY_UP:
		state->first -= state->first > 0;
		break;
	case KEY_NPAGE:
		state->first += page;
		break;
	case KEY_PPAGE:
		state->first -= state->first > page ? page : state->first;
		break;
	case KEY_HOME:
		state->first = 0;
		break;
	default:
		break;
	}
}

bool top_key(struct top_state *state, int key)
{
	static const char views[TOP_VIEWS] = {
		[TOP_SERVICE] = 's', [TOP_TASK] = 't', [TOP_CONTAINER] = 'c', [TOP_PROCESS] = 'p', [TOP_EDGE] = 'e',
	};

	if (key == KEY_RESIZE)
		return true;
	if (state->typing || state->help) {
		if (state->typing)
			type_filter(state, key);
		state->help = false;
		return true;
	}
	for (unsigned int i = 0; i < TOP_VIEWS; i++) {
		if (key == views[i])
			set_view(state, i);
	}
	if (key == 'o')
		next_column(state);
	else if (key == ' ')
		state->paused = !state->paused;
	else if (key == '/')
		state->typing = true;
	else if (key == 'h' || key == '?')
		state->help = true;
	else
		scroll_rows(state, key);
	return key != 'q';
}
