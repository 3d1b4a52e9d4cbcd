// What the pages gain where scripts run; every page works without them.
import { copyLink } from "./copy_link.js";
import { readOut } from "./read_out.js";
import { searchKeys } from "./search_keys.js";
import { showWork } from "./show_work.js";
import { submitOnChange } from "./submit_on_change.js";

searchKeys(document);
submitOnChange(document);
showWork(document);
copyLink(document);
for (const drawing of document.querySelectorAll(".sy-chart svg")) readOut(drawing);
