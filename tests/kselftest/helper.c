// SPDX-License-Identifier: MIT
/*
 * What the tests execute: it does one thing and ends. Static, so that it also
 * runs in an empty root and starts fast.
 *
 *	helper exit CODE
 *	helper any other arguments	ends with 41, as for "#!helper"
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "exit") == 0)
		_exit(atoi(argv[2]));
	_exit(41);
}
