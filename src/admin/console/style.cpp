#include "style.hpp"

namespace countersign::admin {

const std::string_view console_style =
    R"css(:root{--ink:#1b1f24;--quiet:#59636e;--paper:#fff;--back:#f3f5f7;--line:#d0d7de;--accent:#0b5cad;--good:#116329;--warn:#8a4600;
--bad:#a40e26;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--quiet:#9ba6b2;--paper:#15191f;--back:#0d1117;--line:#353c45;
--accent:#6cb0f5;--good:#5fcf80;--warn:#f0b45b;--bad:#ff8b8b}}
*{box-sizing:border-box}
body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);overflow-wrap:anywhere}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:.5rem;top:.5rem;background:var(--paper);padding:.5rem;z-index:1}
header{background:var(--paper);border-bottom:1px solid var(--line);padding:.6rem 1rem}
header p{margin:0;color:var(--quiet);font-size:.875rem}header strong{font-size:1.1rem}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;margin:.4rem 0 0;padding:0}
nav a{display:inline-block;padding:.35rem 0;text-decoration:none}
nav a[aria-current]{font-weight:600;border-bottom:3px solid var(--accent)}
main{max-width:72rem;margin:0 auto;padding:1rem}
h1{font-size:1.4rem;margin:.2rem 0 1rem}h2{font-size:1.1rem;margin:0 0 .6rem}
section{background:var(--paper);border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:0 0 1rem}
.quiet{color:var(--quiet)}
table{width:100%;border-collapse:collapse;font-size:.925rem}
caption{text-align:left;color:var(--quiet);padding:0 0 .4rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem .4rem 0;border-top:1px solid var(--line)}
th{border-top:0;white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1rem;margin:0 0 1rem}dt{color:var(--quiet)}dd{margin:0}
pre,code,.secret{font-family:ui-monospace,monospace;font-size:.9rem}pre{white-space:pre-wrap;margin:0}
.badge{display:inline-block;padding:0 .5rem;border:1px solid currentColor;border-radius:1rem;white-space:nowrap}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
form{margin:0}label{display:block;margin:.7rem 0 .2rem;font-weight:600}label small{font-weight:400;color:var(--quiet)}
input,select,button{font:inherit;color:inherit;min-height:2.75rem;border:1px solid var(--quiet);border-radius:.35rem;
padding:.3rem .6rem;background:var(--paper)}
input,select{width:100%;max-width:34rem}
button{margin-top:.9rem;cursor:pointer;padding:.3rem 1.1rem}
button.primary{background:var(--accent);border-color:var(--accent);color:var(--paper);font-weight:600}
button.danger{color:var(--bad);border-color:var(--bad)}td form button{margin:0;min-height:2.25rem}
details{margin-top:1rem}summary{cursor:pointer;color:var(--bad);padding:.4rem 0}
.secret{font-size:1.3rem;letter-spacing:.08em}
.note{border-left:.35rem solid var(--good)}.trouble{border-left:.35rem solid var(--bad)}
.two{display:grid;gap:0 1rem;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr))}
@media(max-width:44rem){
thead{position:absolute;left:-99rem}table,tbody,tr,td,caption{display:block}
tr{border:1px solid var(--line);border-radius:.4rem;margin:0 0 .6rem;padding:.4rem .6rem}
td{border:0;padding:.15rem 0}td::before{content:attr(data-label);display:block;color:var(--quiet);font-size:.8rem}
td:empty{display:none}dl{grid-template-columns:1fr;gap:0}dd{margin:0 0 .5rem}.two{grid-template-columns:1fr}main{padding:.6rem}}
)css";

}  // namespace countersign::admin
