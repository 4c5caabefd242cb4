/** Nothing: what the bare runtime takes to start and to end. */
export {};
